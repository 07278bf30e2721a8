/* Migrations: schemas/sql, built into the program. */
#ifndef HF_CLI_MIGRATIONS_H
#define HF_CLI_MIGRATIONS_H

#include <libpq-fe.h>
#include <stdbool.h>

struct hf_migration {
  int version; /* 1…; 0 ends the list */
  const char *name;
  const char *sql;
};

extern const struct hf_migration hf_migrations[];

/* migrate.c: a statement that wants a table alone, tried again until it was not kept waiting: nobody queues behind it for
 * longer than a moment. False after having said why. */
bool hf_migrate_patiently(PGconn *database, const char *statement);

#endif
