-- Whether a mail of a kind waits for a user, however long the mail server has been away (lib/model/mail/gather.c).
ALTER TABLE mail_outbox
  ADD KEY IF NOT EXISTS by_user_waiting (user_id, template, state, id);
