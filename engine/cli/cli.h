/*
 * CLI: what the commands of `holdfast` share.
 * Talk goes to standard error, data to standard output; exit codes are stable (README.md).
 */
#ifndef HF_CLI_CLI_H
#define HF_CLI_CLI_H

#include <libintl.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/codec/codec.h"

#define _(text) gettext(text)
#define N_(text) text

enum hf_exit {
  HF_EXIT_OK = 0,
  HF_EXIT_FAILED = 1,
  HF_EXIT_USAGE = 2,
  HF_EXIT_REFUSED = 3, /* the engine, or a rule, says no */
  HF_EXIT_UNKNOWN = 4, /* sent, but no outcome was seen */
  HF_EXIT_TIMEOUT = 5,
  HF_EXIT_UNAVAILABLE = 6, /* Kafka or PostgreSQL cannot be reached */
  HF_EXIT_SIGNATURE = 7,   /* the key cannot be used */
};

struct hf_opened;

struct hf_cli {
  char brokers[256], reports[128], conninfo[512], key[256], http[128], routing[256], checkpoints[256], audit_key[1024];
  char witness[128], witness_key[512], facts[128], alerts[128], personal_keys[256];
  char tls_certificate[256], tls_key[256], tls_ca[256]; /* of institution test */
  bool json, reveal;
  const struct hf_opened *opened; /* of --reveal: pseudonyms are shown as what they stand for */
  const char *note_key;           /* of audit */
  const char *reason;             /* for --reveal, and of commands */
  /* of commands */
  const char *verb, *mode, *amount, *from, *until, *document, *to, *name, *confirm;
  const char *propose; /* of what changes the registry: the file for the second administrator */
  bool cascade, break_glass, dry_run;
  int timeout_s;
  char **arguments;
  int arguments_count;
};

/* One line for people on standard error. */
void hf_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* NULL, after having said why. */
PGconn *hf_cli_database(const struct hf_cli *cli);

/* Runs a query and prints it: a table on a terminal or pipe, JSON with --json. titles: one per column, comma-separated. */
int hf_cli_show(const struct hf_cli *cli, PGconn *database, const char *titles, const char *sql, int count,
                const char *const *values);
/* The same on a connection of its own: a command that only shows. */
int hf_cli_list(const struct hf_cli *cli, const char *titles, const char *sql, int count, const char *const *values);

/* The answer's HTTP status, its body in answer; 0 where there is none. place: an IPv4 address and a port. */
int hf_cli_http(const char *place, const char *method, const char *path, const char *body, char *answer, size_t answer_size);

/*
 * Signs that somebody is about to have `what` shown in full, to take it away or to destroy it, and waits until the fact is
 * recorded. False, after having said why: then nothing may be shown. case_id: NULL where it is of no single case.
 */
bool hf_cli_note_access(const struct hf_cli *cli, enum hf_access_kind kind, const char *what, const char *reason,
                        const char *case_id);

/* Fills random bytes from the kernel. */
void hf_cli_random(void *bytes, size_t size);

/* Signed submissions. */
struct hf_produced {
  int32_t partition;
  int64_t offset;
};
#define HF_ENVELOPE_SIZE_MAX (HF_RECORD_SIZE_MAX + 4096)
/* Signs payload by the configuration's key, beside the first signature where there is one (NULL: none): the envelope's size, 0
 * after having said why not. */
size_t hf_cli_sign(const struct hf_cli *cli, enum hf_payload_kind kind, struct hf_span payload,
                   const struct hf_signature *first, uint8_t *out, size_t capacity);
/* Appends an envelope that is signed; partition and exit code as below. */
int hf_cli_append(const struct hf_cli *cli, enum hf_payload_kind kind, struct hf_span envelope, const char *key,
                  int32_t partition, struct hf_produced *produced);
/* Signs payload and appends it: partition -1 lets the key decide. Exit code; says why it failed. */
int hf_cli_submit(const struct hf_cli *cli, enum hf_payload_kind kind, struct hf_span payload, const char *key,
                  int32_t partition, struct hf_produced *produced);
/* The record at this place of the topic into bytes[HF_RECORD_SIZE_MAX]; its size, 0 after having said why not. */
size_t hf_cli_fetch(const struct hf_cli *cli, int32_t partition, int64_t offset, uint8_t *bytes);
/* The topic's number of partitions, 0 where it cannot be told. */
int hf_cli_partitions(const struct hf_cli *cli);
int hf_cli_partitions_of(const struct hf_cli *cli, const char *topic);

/* The commands. */
int hf_command_keygen(struct hf_cli *cli);
int hf_command_report_submit(struct hf_cli *cli);
/* Signs the change and waits until every shard has it, or with --propose writes it for a second administrator (change.c). The
 * id and the time are set here. */
int hf_cli_apply_registry(struct hf_cli *cli, struct hf_registry_change *change);
int hf_command_facts_tail(struct hf_cli *cli);
int hf_command_alerts_tail(struct hf_cli *cli);
/* The institution's row as it stands, but for a pause. False after having said why not. */
bool hf_cli_institution(PGconn *database, const char *code, struct hf_institution *row);
int hf_command_institution_pause(struct hf_cli *cli);
int hf_command_institution_resume(struct hf_cli *cli);
int hf_command_institution_test(struct hf_cli *cli);
int hf_command_registry_apply(struct hf_cli *cli);
int hf_command_registry_approve(struct hf_cli *cli);
int hf_command_registry_list(struct hf_cli *cli);
int hf_command_act(struct hf_cli *cli);
int hf_command_second(struct hf_cli *cli);
int hf_command_about_submission(struct hf_cli *cli);
int hf_command_case_show(struct hf_cli *cli);
int hf_command_case_tree(struct hf_cli *cli);
int hf_command_case_pending(struct hf_cli *cli);
int hf_command_task_list(struct hf_cli *cli);
int hf_command_policy_show(struct hf_cli *cli);
int hf_command_key_list(struct hf_cli *cli);
int hf_command_case_watch(struct hf_cli *cli);
int hf_command_order_show(struct hf_cli *cli);
int hf_command_access_list(struct hf_cli *cli);
int hf_command_evidence(struct hf_cli *cli);
int hf_command_institution_list(struct hf_cli *cli);
int hf_command_institution_contacts(struct hf_cli *cli);
int hf_command_route(struct hf_cli *cli);
int hf_command_routing_check(struct hf_cli *cli);
int hf_command_sla(struct hf_cli *cli);
int hf_command_sla_show(struct hf_cli *cli);
int hf_command_sla_verdicts(struct hf_cli *cli);
int hf_command_scorecard(struct hf_cli *cli);
int hf_command_timing(struct hf_cli *cli);
int hf_command_hold_ageing(struct hf_cli *cli);
int hf_command_day_list(struct hf_cli *cli);
int hf_command_day_move(struct hf_cli *cli);
int hf_command_quarantine_list(struct hf_cli *cli);
int hf_command_quarantine_show(struct hf_cli *cli);
int hf_command_audit_key(struct hf_cli *cli);
int hf_command_audit_checkpoint(struct hf_cli *cli);
int hf_command_audit_check(struct hf_cli *cli);
int hf_command_audit_prove(struct hf_cli *cli);
int hf_command_audit_export(struct hf_cli *cli);
int hf_command_audit_consistency(struct hf_cli *cli);
int hf_command_audit_witness(struct hf_cli *cli);
int hf_command_audit_replay(struct hf_cli *cli);
int hf_command_audit_verify(struct hf_cli *cli);
int hf_command_personal_new(struct hf_cli *cli);
int hf_command_personal_rotate(struct hf_cli *cli);
int hf_command_personal_rewrap(struct hf_cli *cli);
int hf_command_personal_destroy(struct hf_cli *cli);
int hf_command_export(struct hf_cli *cli);
int hf_command_migrate(struct hf_cli *cli);
int hf_command_doctor(struct hf_cli *cli);

#endif
