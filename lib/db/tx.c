#include "db/private.h"

/* Starts a transaction, on a new connection if the old one is gone: nothing has happened yet, so once more is safe. */
static enum err begin(struct db *db)
{
	enum err e = ERR_DB_UNAVAILABLE;

	for (int i = 0; i < 2 && e == ERR_DB_UNAVAILABLE; i++) {
		bool idle = db->conn != NULL;
		e = db_connect(db);
		if (e == OK)
			e = db_plain(db, STR("START TRANSACTION"));
		if (!idle)
			break;
	}
	return e;
}

enum err db_tx(struct db *db, enum err (*fn)(struct db *db, void *arg), void *arg)
{
	ASSERT(!db->in_tx);
	for (int i = 0; i < DB_RUNS_MAX; i++) {
		enum err e = begin(db);
		if (e != OK)
			return e == ERR_DB_RERUN ? ERR_DB_UNAVAILABLE : e;
		db->in_tx = true;
		db->rerun = false;
		e = fn(db, arg);
		db->in_tx = false;
		if (db->conn == NULL || db->rerun) {
			if (db->conn != NULL)
				(void)db_plain(db, STR("ROLLBACK"));
			db_pause(i);
			continue;
		}
		if (e != OK) {
			(void)db_plain(db, STR("ROLLBACK"));
			return e;
		}
		e = db_plain(db, STR("COMMIT"));
		if (e != ERR_DB_RERUN)
			return e == ERR_DB_FAILED ? ERR_DB_UNAVAILABLE : e;
		db_pause(i);
	}
	return ERR_DB_UNAVAILABLE;
}
