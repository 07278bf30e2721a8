/* Migrations: schemas/sql, built into the program. */
#ifndef HF_CLI_MIGRATIONS_H
#define HF_CLI_MIGRATIONS_H

struct hf_migration {
  int version; /* 1…; 0 ends the list */
  const char *name;
  const char *sql;
};

extern const struct hf_migration hf_migrations[];

#endif
