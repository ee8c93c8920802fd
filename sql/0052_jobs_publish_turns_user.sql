-- Those that wait already. One that an older program adds after this has its user when the next post of its account is added.
UPDATE jobs_publish j JOIN accounts a ON a.id = j.subject_id SET j.user_id = a.user_id WHERE j.kind = 'turn' AND j.user_id IS NULL;
