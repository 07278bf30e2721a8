/* audit witness: brings the newest checkpoints to the witness, with the proof that they only add, and keeps its cosignatures.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/audit.h"

#define REQUEST_MAX 16384

struct carried {
  const struct hf_cli *cli;
  PGconn *database;
  struct hf_note_key witness;
  bool knows; /* the witness's key was given */
  uint32_t shard;
  const char *note;
  struct hf_audit_checkpoint checkpoint;
};

/* "old N", the proof, a blank line, the note. False where the record has holes. */
static bool make_request(struct carried *carried, uint64_t old_size, char request[REQUEST_MAX])
{
  static struct hf_cli_tree tree;
  struct hf_audit_hash proof[HF_AUDIT_PROOF_MAX];
  struct hf_writer out = hf_writer_of(request, REQUEST_MAX - 1);
  tree = (struct hf_cli_tree){
      .database = carried->database, .shard = carried->shard, .digest = hf_cli_digest_of(carried->database, carried->shard)};
  struct hf_audit_source source = hf_cli_tree_source(&tree);
  int count =
      old_size == carried->checkpoint.size ? 0 : hf_audit_prove_consistency(&source, old_size, carried->checkpoint.size, proof);
  hf_write_text(&out, "old ");
  hf_write_int(&out, (int64_t)old_size);
  hf_write_text(&out, "\n");
  for (int i = 0; i < count; i++) {
    hf_write_base64(&out, proof[i].bytes, sizeof proof[i].bytes);
    hf_write_text(&out, "\n");
  }
  hf_write_text(&out, "\n");
  hf_write_text(&out, carried->note);
  request[out.size] = '\0';
  return count >= 0 && !out.full;
}

static bool keep_line(const struct carried *carried, const char *line)
{
  char shard[16], size[24], name[HF_AUDIT_ORIGIN_SIZE_MAX + 1] = "", note[2 * HF_AUDIT_NOTE_SIZE_MAX];
  struct hf_audit_checkpoint checkpoint;
  struct hf_span text;
  snprintf(note, sizeof note, "%s%s", carried->note, line);
  struct hf_span all = {(const uint8_t *)note, strlen(note)};
  bool right = hf_is_ok(hf_audit_checkpoint_read(all, &checkpoint, &text)) && sscanf(line, "%*s %120s", name) == 1 &&
               (!carried->knows || hf_note_key_has_signed(&carried->witness, all, text));
  if (!right) {
    hf_say(_("%s: what the witness gave is not signed by its key"), carried->checkpoint.origin);
    return false;
  }
  snprintf(shard, sizeof shard, "%u", carried->shard);
  snprintf(size, sizeof size, "%llu", (unsigned long long)carried->checkpoint.size);
  PGresult *result =
      PQexecParams(carried->database,
                   "insert into cosignature (shard, size, witness, line) values ($1::int4, $2::int8, $3, $4) on conflict "
                   "do nothing", /* it has cosigned this one before */
                   4, NULL, (const char *const[]){shard, size, name, line}, NULL, NULL, 0);
  bool kept = PQresultStatus(result) == PGRES_COMMAND_OK;
  if (!kept) hf_say(_("PostgreSQL refuses: %s"), PQresultErrorMessage(result));
  PQclear(result);
  if (kept)
    printf(_("%s: %llu facts, cosigned by %s\n"), carried->checkpoint.origin, (unsigned long long)carried->checkpoint.size,
           name);
  return kept;
}

/* HF_EXIT_FAILED where the witness has seen another tree: that is what it is for. */
static int carry(struct carried *carried)
{
  char request[REQUEST_MAX], answer[HF_AUDIT_NOTE_SIZE_MAX];
  uint64_t old_size = 0;
  for (int tries = 0; tries < 3; tries++) {
    if (!make_request(carried, old_size, request)) {
      hf_say(_("the record has holes: `holdfast audit check` names them"));
      return HF_EXIT_FAILED;
    }
    int status = hf_cli_http(carried->cli->witness, "POST", "/add-checkpoint", request, answer, sizeof answer);
    if (status == 200) return keep_line(carried, answer) ? HF_EXIT_OK : HF_EXIT_FAILED;
    if (status == 0) {
      hf_say(_("the witness at %s cannot be reached"), carried->cli->witness);
      return HF_EXIT_UNAVAILABLE;
    }
    uint64_t known = strtoull(answer, NULL, 10);
    if (status == 409 && known > carried->checkpoint.size) {
      hf_say(_("%s: the witness has seen %llu facts, the record has a checkpoint of %llu: some were taken out"),
             carried->checkpoint.origin, (unsigned long long)known, (unsigned long long)carried->checkpoint.size);
      return HF_EXIT_FAILED;
    }
    if (status != 409 || known == old_size) {
      hf_say(_("%s: the witness refuses (%d): it has seen another tree, or does not know this centre's key"),
             carried->checkpoint.origin, status);
      return HF_EXIT_FAILED;
    }
    old_size = known;
  }
  return HF_EXIT_FAILED;
}

int hf_command_audit_witness(struct hf_cli *cli)
{
  struct carried carried = {.cli = cli, .knows = cli->witness_key[0] != '\0'};
  struct hf_span text;
  if (cli->witness[0] == '\0') {
    hf_say(_("the configuration names no witness: HOST:PORT"));
    return HF_EXIT_USAGE;
  }
  struct hf_status status = carried.knows ? hf_note_key_parse(cli->witness_key, &carried.witness) : hf_ok();
  if (!hf_is_ok(status)) {
    hf_say("%s", _(status.why));
    return HF_EXIT_USAGE;
  }
  int worst = HF_EXIT_OK;
  carried.database = hf_cli_database(cli);
  PGresult *rows =
      carried.database == NULL
          ? NULL
          : hf_cli_binary(carried.database, "select distinct on (shard) shard, note from checkpoint order by shard, size desc",
                          0, NULL);
  if (rows == NULL) worst = HF_EXIT_UNAVAILABLE;
  for (int i = 0; rows != NULL && i < PQntuples(rows); i++) {
    memcpy(&carried.shard, PQgetvalue(rows, i, 0), sizeof carried.shard);
    carried.shard = be32toh(carried.shard);
    carried.note = PQgetvalue(rows, i, 1);
    struct hf_span note = {(const uint8_t *)carried.note, strlen(carried.note)};
    int code = hf_is_ok(hf_audit_checkpoint_read(note, &carried.checkpoint, &text)) ? carry(&carried) : HF_EXIT_FAILED;
    worst = code != HF_EXIT_OK ? code : worst;
  }
  PQclear(rows);
  PQfinish(carried.database);
  if (carried.knows) hf_note_key_free(&carried.witness);
  return worst;
}
