/* Officers' acts: a verb and its options become a signed command. What is shown is rendered from the bytes that are signed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"
#include "engine/base/time.h"
#include "engine/cli/cli.h"
#include "engine/cli/wait.h"

static bool read_uuid(const char *text, struct hf_uuid *id)
{
  if (hf_is_ok(hf_uuid_parse(text, strlen(text), id))) return true;
  hf_say(_("%s is no id: expected 36 characters in the form 8-4-4-4-12"), text);
  return false;
}

/* --- options --- */

static bool read_time(const char *option, const char *text, int64_t *wall_ns)
{
  if (text == NULL) return true;
  *wall_ns = hf_time_parse(text);
  if (*wall_ns != INT64_MIN) return true;
  hf_say(_("--%s: a time as 2026-11-24T09:12:00+08:00"), option);
  return false;
}

static bool read_amount(const char *text, int64_t *minor)
{
  if (text == NULL) return true;
  *minor = hf_amount_parse(text);
  if (*minor > 0 && *minor <= HF_AMOUNT_MAX) return true;
  hf_say("%s", _("--amount: a positive amount with at most two decimals, as 50000.00"));
  return false;
}

/* The next part of "a,b,c"; false where there is none or it does not fit. */
static bool next_part(const char **text, char *to, size_t capacity)
{
  if (*text == NULL) return false;
  size_t size = strcspn(*text, ",");
  if (size == 0 || size >= capacity || !hf_text_is_sound(*text, size)) return false;
  memcpy(to, *text, size);
  to[size] = '\0';
  *text = (*text)[size] == ',' ? *text + size + 1 : NULL;
  return true;
}

static bool hash_file(const char *file, uint8_t digest[HF_DIGEST_SIZE])
{
  uint8_t buffer[65536];
  struct hf_sha256 hash;
  FILE *in = fopen(file, "rbe");
  if (in == NULL) return false;
  hf_sha256_init(&hash);
  for (size_t size; (size = fread(buffer, 1, sizeof buffer, in)) > 0;) hf_sha256_add(&hash, buffer, size);
  hf_sha256_end(&hash, digest);
  bool ok = ferror(in) == 0;
  fclose(in);
  return ok;
}

/* TYPE,NUMBER,ISSUER,FILE: the file's hash goes into the command, the file stays where it is. */
static bool read_document(const char *text, struct hf_document *document)
{
  if (text == NULL) return true;
  const char *rest = text;
  bool ok = next_part(&rest, document->type, sizeof document->type) &&
            next_part(&rest, document->number, sizeof document->number) &&
            next_part(&rest, document->issuer, sizeof document->issuer) && rest != NULL && hash_file(rest, document->sha256);
  if (!ok) hf_say("%s", _("--document: TYPE,NUMBER,ISSUER,FILE with a file that can be read"));
  return ok;
}

/* INSTITUTION,NUMBER[,NAME] */
static bool read_party(const char *text, struct hf_party *party)
{
  char number[HF_ACCOUNT_NUMBER_SIZE_MAX + 1], name[HF_NAME_SIZE_MAX + 1] = "";
  if (text == NULL) return true;
  const char *rest = text;
  bool ok = next_part(&rest, party->institution, sizeof party->institution) && next_part(&rest, number, sizeof number) &&
            hf_is_ok(hf_account_number_set(&party->account, number, strlen(number)));
  if (ok && rest != NULL) ok = next_part(&rest, name, sizeof name) && hf_is_ok(hf_name_set(&party->name, name, strlen(name)));
  if (!ok) hf_say("%s", _("--to: INSTITUTION,NUMBER,NAME"));
  return ok;
}

static bool read_mode(const struct hf_cli *cli, struct hf_command *command)
{
  const char *mode = cli->mode;
  if (command->kind == HF_COMMAND_FREEZE) {
    command->mode = hf_freeze_mode_of_code(mode == NULL ? "full" : mode);
    if (command->mode == 0) hf_say("%s", _("--mode: full, limited or receive_only"));
    return command->mode != 0;
  }
  if (command->kind == HF_COMMAND_RESOLVE) {
    command->mode = mode == NULL                     ? 0
                    : strcmp(mode, "effective") == 0 ? HF_RESOLVED_EFFECTIVE
                    : strcmp(mode, "refused") == 0   ? HF_RESOLVED_REFUSED
                                                     : 0;
    if (command->mode == 0) hf_say("%s", _("--mode: effective or refused, as the institution said on the telephone"));
    return command->mode != 0;
  }
  if (command->kind != HF_COMMAND_QUERY) return true;
  command->asks = hf_action_of_code(mode == NULL ? "query" : mode);
  if (command->asks != HF_ACTION_UNSET && hf_action_traits(command->asks)->asks) {
    command->mode = command->asks == HF_ACTION_QUERY ? HF_QUERY_BOTH : 0;
    return true;
  }
  command->asks = HF_ACTION_QUERY;
  command->mode = hf_query_mode_of_code(mode == NULL ? "" : mode);
  if (command->mode == 0) hf_say("%s", _("--mode: basic, detail, both, quick, holder, accounts, holds or serial"));
  return command->mode != 0;
}

static bool read_options(const struct hf_cli *cli, struct hf_command *command)
{
  if (cli->reason != NULL) {
    if (strlen(cli->reason) > HF_REASON_TEXT_SIZE_MAX || !hf_text_is_sound(cli->reason, strlen(cli->reason))) {
      hf_say("%s", _("--reason: plain text of at most 200 bytes"));
      return false;
    }
    strcpy(command->text, cli->reason);
  }
  command->cascade = cli->cascade;
  command->break_glass = cli->break_glass;
  if (cli->name != NULL && !hf_is_ok(hf_name_set(&command->party.name, cli->name, strlen(cli->name)))) {
    hf_say("%s", _("--name: at most 120 bytes"));
    return false;
  }
  return read_time("until", cli->until, &command->until_wall_ns) && read_amount(cli->amount, &command->amount) &&
         read_document(cli->document, &command->document) && read_party(cli->to, &command->party) && read_mode(cli, command);
}

/* --- what is signed, for people --- */

static void print_orders(PGconn *database, const struct hf_command *command)
{
  for (uint32_t i = 0; i < command->orders_count; i++) {
    char id[HF_UUID_TEXT_SIZE], shard[12];
    snprintf(shard, sizeof shard, "%u", hf_order_id_shard(command->orders[i]));
    PGresult *row =
        PQexecParams(database,
                     "select o.institution, mask_account(o.account), mask_name(a.name), o.action, o.state from order_state o "
                     "join account a on "
                     "a.shard = o.shard and a.case_id = o.case_id and a.institution = o.institution and a.number = o.account "
                     "where o.shard = $1::int4 and o.order_id = $2::uuid",
                     2, NULL, (const char *const[]){shard, hf_uuid_text(command->orders[i].uuid, id)}, NULL, NULL, 0);
    if (PQresultStatus(row) == PGRES_TUPLES_OK && PQntuples(row) == 1)
      hf_say("  %s  %s  %s  (%s, %s)", PQgetvalue(row, 0, 0), PQgetvalue(row, 0, 1), PQgetvalue(row, 0, 2),
             gettext(PQgetvalue(row, 0, 3)), gettext(PQgetvalue(row, 0, 4)));
    else
      hf_say(_("  %s: there is no such order"), id);
    PQclear(row);
  }
}

static void print_command(PGconn *database, const struct hf_command *command)
{
  char text[HF_TIME_TEXT_SIZE], id[HF_UUID_TEXT_SIZE], masked[HF_MASK_TEXT_SIZE], amount[32];
  struct hf_writer writer = hf_writer_of(amount, sizeof amount - 1);
  hf_write_amount(&writer, command->amount);
  amount[writer.size] = '\0';
  hf_say(_("%s, case %s, made %s"), gettext(hf_command_code(command->kind)), hf_uuid_text(command->case_id.uuid, id),
         hf_time_text(command->made_wall_ns, text));
  if (command->amount != 0) hf_say(_("amount: %s"), amount);
  if (command->until_wall_ns != 0) hf_say(_("until: %s"), hf_time_text(command->until_wall_ns, text));
  if (command->kind == HF_COMMAND_FREEZE) hf_say(_("mode: %s"), gettext(hf_freeze_mode_code(command->mode)));
  if (command->document.number[0] != '\0')
    hf_say(_("document: %s, %s, %s, sha256 %02x%02x%02x%02x…"), command->document.type, command->document.number,
           command->document.issuer, command->document.sha256[0], command->document.sha256[1], command->document.sha256[2],
           command->document.sha256[3]);
  if (command->party.account.size > 0)
    hf_say(_("account: %s %s"), command->party.institution, hf_mask_account(&command->party.account, masked));
  if (command->cascade) hf_say("%s", _("with the descendants that are held for the same transfers only"));
  if (command->break_glass) hf_say("%s", _("BREAK GLASS: one leader alone; it will be reviewed"));
  if (command->text[0] != '\0') hf_say(_("reason: %s"), command->text);
  print_orders(database, command);
}

/* --- sending --- */

/* A severe act needs the number of its accounts typed (security.md section 1). */
static int confirmed(const struct hf_cli *cli, const struct hf_command *command)
{
  char wanted[12];
  uint32_t count = command->orders_count == 0 ? 1 : command->orders_count;
  if (cli->dry_run) {
    hf_say("%s", _("nothing was sent: --dry-run"));
    return HF_EXIT_OK;
  }
  if (!hf_command_rule(command->kind)->severe) return -1;
  snprintf(wanted, sizeof wanted, "%u", count);
  if (cli->confirm != NULL && strcmp(cli->confirm, wanted) == 0) return -1;
  hf_say(_("this is severe: say --confirm=%s, the number of accounts that it is about"), wanted);
  return HF_EXIT_REFUSED;
}

/* Signs these bytes and waits until the engine has recorded or refused them. */
static int send_payload(const struct hf_cli *cli, enum hf_payload_kind kind, struct hf_span payload, struct hf_case_id case_id)
{
  struct hf_produced at;
  char key[HF_UUID_TEXT_SIZE];
  int code = hf_cli_submit(cli, kind, payload, hf_uuid_text(case_id.uuid, key), -1, &at);
  return code == HF_EXIT_OK ? hf_cli_wait_recorded(cli, &at, 1) : code;
}

static int send_command(const struct hf_cli *cli, struct hf_command *command)
{
  uint8_t *payload = malloc(HF_RECORD_SIZE_MAX), random[10];
  char id[HF_UUID_TEXT_SIZE];
  PGconn *database = hf_cli_database(cli);
  if (payload == NULL || database == NULL) {
    free(payload);
    return HF_EXIT_UNAVAILABLE;
  }
  hf_cli_random(random, sizeof random);
  command->made_wall_ns = hf_time_now().wall_ns;
  command->id.uuid = hf_uuid_v7(command->made_wall_ns, random);
  size_t size = hf_command_encode(command, payload, HF_RECORD_SIZE_MAX);
  print_command(database, command);
  PQfinish(database);
  int code = confirmed(cli, command);
  if (code < 0) {
    code = send_payload(cli, HF_PAYLOAD_COMMAND, (struct hf_span){payload, size}, command->case_id);
    if (code == HF_EXIT_OK) puts(hf_uuid_text(command->id.uuid, id));
    if (code == HF_EXIT_OK && hf_command_rule(command->kind)->officers > 1 && !command->break_glass)
      hf_say(_("it waits for a second officer: holdfast approve %s"), id);
  }
  free(payload);
  return code;
}

/* VERB CASE ORDER…; the verb is the command's code. */
int hf_command_act(struct hf_cli *cli)
{
  struct hf_command *command = calloc(1, sizeof *command);
  if (command == NULL) abort();
  command->kind = hf_command_of_code(cli->verb);
  bool ok =
      command->kind != HF_COMMAND_UNSET && read_uuid(cli->arguments[0], &command->case_id.uuid) && read_options(cli, command);
  bool about_other = command->kind == HF_COMMAND_LINK;
  for (int i = 1; ok && i < cli->arguments_count; i++) {
    if (i > HF_TARGETS_MAX) {
      hf_say(_("at most %d orders in one command"), HF_TARGETS_MAX);
      ok = false;
    } else if (about_other) {
      ok = read_uuid(cli->arguments[i], &command->other);
    } else {
      ok = read_uuid(cli->arguments[i], &command->orders[command->orders_count++].uuid);
    }
  }
  int code = ok ? send_command(cli, command) : HF_EXIT_USAGE;
  free(command);
  return code;
}

/* --- a second officer --- */

struct waiting {
  struct hf_case_id case_id;
  char kind[24], state[16];
  int32_t partition;
  int64_t offset;
};

/* The submission of this id, in whichever shard it is. */
static bool find_submission(PGconn *database, const char *id, struct waiting *to)
{
  PGresult *row = PQexecParams(database,
                               "select shard, case_id::text, kind, state, topic_offset from submission where shard = any "
                               "(array(select shard from shard)) "
                               "and submission_id = $1::uuid",
                               1, NULL, (const char *const[]){id}, NULL, NULL, 0);
  bool ok = PQresultStatus(row) == PGRES_TUPLES_OK && PQntuples(row) == 1;
  if (ok) {
    to->partition = atoi(PQgetvalue(row, 0, 0));
    to->offset = atoll(PQgetvalue(row, 0, 4));
    snprintf(to->kind, sizeof to->kind, "%s", PQgetvalue(row, 0, 2));
    snprintf(to->state, sizeof to->state, "%s", PQgetvalue(row, 0, 3));
    ok = hf_is_ok(hf_uuid_parse(PQgetvalue(row, 0, 1), 36, &to->case_id.uuid));
  }
  PQclear(row);
  if (!ok) hf_say(_("there is no submission %s"), id);
  return ok;
}

static void print_report(const struct hf_report *report)
{
  char text[HF_TIME_TEXT_SIZE], masked[HF_MASK_TEXT_SIZE], name[HF_MASK_TEXT_SIZE], amount[32];
  hf_say(_("report, case number %s, form %s, made %s"), report->case_number, report->form_reference,
         hf_time_text(report->made_wall_ns, text));
  for (uint32_t i = 0; i < report->transfers_count; i++) {
    const struct hf_transfer *transfer = &report->transfers[i];
    struct hf_writer writer = hf_writer_of(amount, sizeof amount - 1);
    hf_write_amount(&writer, transfer->amount);
    amount[writer.size] = '\0';
    hf_say("  %s  %s  %s  %s %s  %s", transfer->payee.institution, hf_mask_account(&transfer->payee.account, masked),
           hf_mask_name(&transfer->payee.name, name), amount, hf_currency_code(transfer->currency),
           hf_time_text(transfer->at_wall_ns, text));
  }
}

/* Shows what the bytes say; false where they say nothing that is understood. */
static bool render(PGconn *database, const struct hf_envelope *envelope)
{
  struct hf_arena arena = {.memory = malloc(HF_UNPACK_ARENA_SIZE), .capacity = HF_UNPACK_ARENA_SIZE};
  struct hf_report *report = calloc(1, sizeof *report);
  struct hf_command *command = calloc(1, sizeof *command);
  if (arena.memory == NULL || report == NULL || command == NULL) abort();
  bool ok = false;
  if (envelope->kind == HF_PAYLOAD_REPORT) {
    ok = hf_report_decode(envelope->payload, &arena, report) == HF_REASON_NONE;
    if (ok) print_report(report);
  } else if (envelope->kind == HF_PAYLOAD_COMMAND) {
    ok = hf_command_decode(envelope->payload, &arena, command) == HF_REASON_NONE;
    if (ok) print_command(database, command);
  }
  if (!ok) hf_say("%s", _("the stored bytes cannot be read: nothing was signed"));
  free(command);
  free(report);
  free(arena.memory);
  return ok;
}

/* approve SUBMISSION, countersign REPORT: the same bytes, read back from the log, under one's own key. */
int hf_command_second(struct hf_cli *cli)
{
  struct hf_uuid id;
  struct waiting what;
  struct hf_envelope envelope;
  if (!read_uuid(cli->arguments[0], &id)) return HF_EXIT_USAGE;
  PGconn *database = hf_cli_database(cli);
  if (database == NULL) return HF_EXIT_UNAVAILABLE;
  uint8_t *record = malloc(HF_RECORD_SIZE_MAX);
  if (record == NULL) abort();
  int code = HF_EXIT_FAILED;
  size_t size =
      find_submission(database, cli->arguments[0], &what) ? hf_cli_fetch(cli, what.partition, what.offset, record) : 0;
  if (size > 0 && hf_envelope_decode((struct hf_span){record, size}, &envelope) != HF_REASON_NONE) size = 0;
  if (size > 0 && render(database, &envelope)) {
    if (cli->dry_run)
      code = HF_EXIT_OK;
    else
      code = send_payload(cli, envelope.kind, envelope.payload, what.case_id);
  }
  PQfinish(database);
  free(record);
  return code;
}

/* reject, review SUBMISSION: commands about a submission of the same case. */
int hf_command_about_submission(struct hf_cli *cli)
{
  struct waiting what;
  struct hf_command *command = calloc(1, sizeof *command);
  if (command == NULL) abort();
  command->kind = hf_command_of_code(cli->verb);
  bool ok = read_uuid(cli->arguments[0], &command->other) && read_options(cli, command);
  PGconn *database = ok ? hf_cli_database(cli) : NULL;
  int code = ok ? HF_EXIT_UNAVAILABLE : HF_EXIT_USAGE;
  if (database != NULL) {
    ok = find_submission(database, cli->arguments[0], &what);
    PQfinish(database);
    command->case_id = what.case_id;
    code = ok ? send_command(cli, command) : HF_EXIT_FAILED;
  }
  free(command);
  return code;
}
