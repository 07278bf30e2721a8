/* audit check: every row against its leaf, every leaf against the tree, the tree against every note that was ever seen. */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/cli/audit.h"

#define ROWS_MAX "5000"
#define FINDINGS_MAX 20
#define BACK_US 1000000 /* two engines' clocks differ by less */

/* A note of the shard: the record's own, or one that was kept elsewhere. */
struct kept {
  struct hf_audit_checkpoint checkpoint;
  const char *from;
  bool met; /* its size was reached */
};

struct check {
  const struct hf_cli *cli;
  PGconn *database;
  const struct hf_cli_note_keys *keys;
  uint32_t shard;
  struct hf_audit_tree tree;
  int64_t decided_us;
  uint32_t findings;
  struct kept *kept; /* by size */
  size_t kept_count;
  uint64_t sound; /* the largest size at which a note agreed */
  char newest[HF_AUDIT_NOTE_SIZE_MAX];
};

static void find(struct check *check, uint64_t seq, const char *what)
{
  if (check->findings++ < FINDINGS_MAX) {
    if (seq > 0)
      hf_say(_("shard %u, seq %llu: %s"), check->shard, (unsigned long long)seq, what);
    else
      hf_say(_("shard %u: %s"), check->shard, what);
  }
}

static int by_size(const void *a, const void *b)
{
  uint64_t x = ((const struct kept *)a)->checkpoint.size, y = ((const struct kept *)b)->checkpoint.size;
  return (x > y) - (x < y);
}

static void keep(struct check *check, const char *note, const char *from)
{
  struct kept kept = {.from = from};
  char shard[32], text[200];
  const char *objection = hf_cli_note_objection(check->keys, note, &kept.checkpoint);
  snprintf(shard, sizeof shard, "/shard-%u", check->shard);
  const char *end = strrchr(kept.checkpoint.origin, '/');
  if (objection == NULL && (end == NULL || strcmp(end, shard) != 0)) objection = N_("it is another shard's");
  if (objection != NULL) {
    snprintf(text, sizeof text, _("a checkpoint of %llu facts, %s: %s"), (unsigned long long)kept.checkpoint.size, from,
             _(objection));
    find(check, 0, text);
    return;
  }
  check->kept = realloc(check->kept, (check->kept_count + 1) * sizeof kept);
  if (check->kept == NULL) abort();
  check->kept[check->kept_count++] = kept;
}

static bool load_notes(struct check *check)
{
  char shard[16];
  snprintf(shard, sizeof shard, "%u", check->shard);
  PGresult *rows = hf_cli_binary(check->database, "select size, note from checkpoint where shard = $1::int4 order by size", 1,
                                 (const char *const[]){shard});
  if (rows == NULL) return false;
  for (int i = 0; i < PQntuples(rows); i++) {
    keep(check, PQgetvalue(rows, i, 1), _("in the record"));
    if (i == PQntuples(rows) - 1) snprintf(check->newest, sizeof check->newest, "%s", PQgetvalue(rows, i, 1));
  }
  PQclear(rows);
  return true;
}

/* Notes in the folder `checkpoints` of the configuration: what this machine, or a witness, has seen. */
static void load_remembered(struct check *check)
{
  char path[600], note[HF_AUDIT_NOTE_SIZE_MAX + 1], ending[32];
  DIR *folder = check->cli->checkpoints[0] == '\0' ? NULL : opendir(check->cli->checkpoints);
  snprintf(ending, sizeof ending, "shard-%u.note", check->shard);
  for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
    size_t size = strlen(entry->d_name), end = strlen(ending);
    if (size < end || strcmp(entry->d_name + size - end, ending) != 0) continue;
    snprintf(path, sizeof path, "%s/%s", check->cli->checkpoints, entry->d_name);
    FILE *in = fopen(path, "rbe");
    note[in == NULL ? 0 : fread(note, 1, sizeof note - 1, in)] = '\0';
    if (in != NULL) fclose(in);
    keep(check, note, _("seen before"));
  }
  if (folder != NULL) closedir(folder);
}

/* What the witness has cosigned: whatever was done here, it has not forgotten. */
static void load_from_witness(struct check *check)
{
  char path[300], note[HF_AUDIT_NOTE_SIZE_MAX];
  struct hf_note_key key;
  struct hf_audit_checkpoint checkpoint;
  struct hf_span text;
  const struct hf_cli *cli = check->cli;
  if (cli->witness[0] == '\0' || check->keys->count == 0) return;
  snprintf(path, sizeof path, "/seen?origin=%s/shard-%u", check->keys->keys[0].name, check->shard);
  int status = hf_cli_http(cli->witness, "GET", path, "", note, sizeof note);
  if (status == 0) hf_say(_("the witness at %s cannot be reached"), cli->witness);
  if (status != 200) return;
  struct hf_span all = {(const uint8_t *)note, strlen(note)};
  bool cosigned = cli->witness_key[0] == '\0';
  if (!cosigned && hf_is_ok(hf_note_key_parse(cli->witness_key, &key))) {
    cosigned = hf_is_ok(hf_audit_checkpoint_read(all, &checkpoint, &text)) && hf_note_key_has_signed(&key, all, text);
    hf_note_key_free(&key);
  }
  if (!cosigned)
    find(check, 0, _("what the witness at its address shows is not signed by its key"));
  else
    keep(check, note, _("at the witness"));
}

static void remember(struct check *check)
{
  char path[600], temporary[620];
  if (check->cli->checkpoints[0] == '\0' || check->newest[0] == '\0' || check->findings > 0) return;
  mkdir(check->cli->checkpoints, 0700);
  snprintf(path, sizeof path, "%s/shard-%u.note", check->cli->checkpoints, check->shard);
  snprintf(temporary, sizeof temporary, "%s.tmp", path);
  FILE *out = fopen(temporary, "wbe");
  bool ok = out != NULL && fputs(check->newest, out) >= 0 && fflush(out) == 0 && fsync(fileno(out)) == 0;
  if (out != NULL) fclose(out);
  if (!ok || rename(temporary, path) != 0) hf_say(_("%s cannot be written: %s"), path, strerror(errno));
}

static void compare_notes(struct check *check)
{
  char text[300];
  for (size_t i = 0; i < check->kept_count; i++) {
    struct kept *kept = &check->kept[i];
    if (kept->met || kept->checkpoint.size != check->tree.size) continue;
    struct hf_audit_hash root = hf_audit_tree_root(&check->tree);
    kept->met = true;
    if (memcmp(&root, &kept->checkpoint.root, sizeof root) == 0) {
      check->sound = kept->checkpoint.size;
      continue;
    }
    snprintf(text, sizeof text, _("from here to seq %llu something is not what was signed (%s)"),
             (unsigned long long)kept->checkpoint.size, kept->from);
    find(check, check->sound + 1, text);
  }
}

static void check_nodes(struct check *check, const struct hf_audit_node *nodes, uint32_t count)
{
  for (uint32_t i = 0; i < count; i++) {
    char numbers[3][24];
    snprintf(numbers[0], sizeof numbers[0], "%u", check->shard);
    snprintf(numbers[1], sizeof numbers[1], "%u", nodes[i].level);
    snprintf(numbers[2], sizeof numbers[2], "%llu", (unsigned long long)nodes[i].index);
    PGresult *rows = hf_cli_binary(
        check->database, "select hash from audit_node where shard = $1::int4 and level = $2::int4 and index = $3::int8", 3,
        (const char *const[]){numbers[0], numbers[1], numbers[2]});
    bool same = rows != NULL && PQntuples(rows) == 1 && PQgetlength(rows, 0, 0) == HF_SHA256_SIZE &&
                memcmp(PQgetvalue(rows, 0, 0), nodes[i].hash.bytes, HF_SHA256_SIZE) == 0;
    PQclear(rows);
    if (!same) find(check, check->tree.size, _("the tree's node that ends here is another's or missing"));
  }
}

static void check_row(struct check *check, const PGresult *rows, int row)
{
  struct hf_cli_fact_row fact;
  struct hf_audit_node nodes[7];
  struct hf_audit_hash stored;
  bool whole = hf_cli_fact_row(rows, row, check->shard, &fact);
  if (fact.leaf.seq <= check->tree.size) { /* numbers are unique within a day's table only */
    find(check, fact.leaf.seq, _("a second fact of this number"));
    return;
  }
  if (fact.leaf.seq != check->tree.size + 1) {
    char text[200];
    snprintf(text, sizeof text, _("missing; the next that is there is %llu"), (unsigned long long)fact.leaf.seq);
    find(check, check->tree.size + 1, text);
    check->tree.size = fact.leaf.seq - 1; /* the rows are looked at all the same; no root will fit any more */
  }
  if (!whole) {
    find(check, fact.leaf.seq, _("its salt or leaf has another size"));
    memset(&stored, 0, sizeof stored);
  } else {
    memcpy(stored.bytes, fact.stored.data, sizeof stored.bytes);
    fact.leaf.previous = check->tree.last;
    fact.leaf.digest = check->tree.digest;
    fact.leaf.commitment = hf_audit_commit(check->tree.digest, fact.salt.data, fact.body);
    struct hf_audit_hash made = hf_audit_leaf_hash(&fact.leaf);
    if (memcmp(&made, &stored, sizeof made) != 0) find(check, fact.leaf.seq, _("the row is not what its leaf says"));
  }
  if (fact.leaf.decided_us < check->decided_us - BACK_US)
    find(check, fact.leaf.seq, _("decided before the fact before it: a clock was turned back"));
  if (fact.leaf.decided_us > check->decided_us) check->decided_us = fact.leaf.decided_us;
  uint32_t count = hf_audit_tree_add(&check->tree, &stored, nodes);
  check_nodes(check, nodes, count);
  compare_notes(check);
}

static bool check_rows(struct check *check)
{
  char numbers[2][24];
  uint64_t after = 0;
  for (int count = 1; count > 0;) {
    snprintf(numbers[0], sizeof numbers[0], "%u", check->shard);
    snprintf(numbers[1], sizeof numbers[1], "%llu", (unsigned long long)after);
    PGresult *rows = hf_cli_binary(
        check->database,
        "select " HF_CLI_FACT_COLUMNS
        " from fact_ever where shard = $1::int4 and seq > $2::int8 order by seq fetch first " ROWS_MAX " rows with ties",
        2, (const char *const[]){numbers[0], numbers[1]});
    if (rows == NULL) return false;
    count = PQntuples(rows);
    for (int i = 0; i < count; i++) check_row(check, rows, i);
    if (count > 0) after = hf_cli_u64(rows, count - 1, 0);
    PQclear(rows);
  }
  return true;
}

/* What the next leaf would be added to. */
static void check_end(struct check *check, struct hf_span packed)
{
  struct hf_audit_tree stored;
  char text[300];
  if (!hf_audit_tree_unpack(&stored, check->tree.digest, packed) || stored.size != check->tree.size ||
      memcmp(&stored.last, &check->tree.last, sizeof stored.last) != 0)
    find(check, check->tree.size + 1, _("the shard's row tells of other facts than there are: they end here"));
  for (size_t i = 0; i < check->kept_count; i++) {
    if (check->kept[i].met || check->kept[i].checkpoint.size == 0) continue;
    snprintf(text, sizeof text, _("missing, up to %llu: a checkpoint has them (%s)"),
             (unsigned long long)check->kept[i].checkpoint.size, check->kept[i].from);
    find(check, check->tree.size + 1, text);
  }
}

/* 0: right; 1: not; -1: PostgreSQL failed. */
static int check_shard(const struct hf_cli *cli, PGconn *database, const struct hf_cli_note_keys *keys, uint32_t shard,
                       struct hf_span packed)
{
  struct check check = {
      .cli = cli, .database = database, .keys = keys, .shard = shard, .tree = {.digest = hf_cli_digest_of(database, shard)}};
  bool ok = load_notes(&check);
  load_remembered(&check);
  load_from_witness(&check);
  if (check.kept_count > 0) qsort(check.kept, check.kept_count, sizeof *check.kept, by_size);
  ok = ok && check_rows(&check);
  if (ok) {
    check_end(&check, packed);
    remember(&check);
    if (check.findings == 0)
      printf(_("shard %u: %llu facts, %zu checkpoints, the newest of %llu: right\n"), shard,
             (unsigned long long)check.tree.size, check.kept_count, (unsigned long long)check.sound);
    else
      printf(_("shard %u: %llu facts: %u findings\n"), shard, (unsigned long long)check.tree.size, check.findings);
  }
  free(check.kept);
  return !ok ? -1 : check.findings > 0;
}

/* -1: PostgreSQL has no such shard. */
static int row_of(const PGresult *shards, uint32_t shard)
{
  for (int i = 0; i < PQntuples(shards); i++) {
    uint32_t at;
    memcpy(&at, PQgetvalue(shards, i, 0), sizeof at);
    if (be32toh(at) == shard) return i;
  }
  return -1;
}

static bool is_remembered(const struct hf_cli *cli, uint32_t shard)
{
  char path[600];
  snprintf(path, sizeof path, "%s/shard-%u.note", cli->checkpoints, shard);
  return cli->checkpoints[0] != '\0' && access(path, R_OK) == 0;
}

int hf_command_audit_check(struct hf_cli *cli)
{
  struct hf_cli_note_keys keys;
  if (!hf_cli_note_keys(cli, &keys)) return HF_EXIT_USAGE;
  PGconn *database = hf_cli_database(cli);
  PGresult *shards = NULL;
  int worst = -1;
  if (database != NULL) {
    PQclear(PQexec(database, "begin isolation level repeatable read read only"));
    shards = hf_cli_binary(
        database,
        "select k.shard, coalesce(s.tree, '') from (select shard from shard union select shard from checkpoint) k "
        "left join shard s on s.shard = k.shard",
        0, NULL);
    worst = shards == NULL ? -1 : 0;
  }
  if (cli->checkpoints[0] == '\0' && cli->witness[0] == '\0')
    hf_say(_("nothing is remembered from one check to the next: name a folder `checkpoints`"));
  for (uint32_t shard = 0; worst >= 0 && shard < HF_SHARDS_MAX; shard++) {
    int row = row_of(shards, shard);
    if (row < 0 && !is_remembered(cli, shard)) continue;
    struct hf_span packed = {NULL, 0};
    if (row >= 0) packed = (struct hf_span){(const uint8_t *)PQgetvalue(shards, row, 1), (size_t)PQgetlength(shards, row, 1)};
    int found = check_shard(cli, database, &keys, shard, packed);
    worst = found < 0 ? -1 : found > worst ? found : worst;
  }
  PQclear(shards);
  PQfinish(database);
  hf_cli_note_keys_free(&keys);
  return worst < 0 ? HF_EXIT_UNAVAILABLE : worst > 0 ? HF_EXIT_FAILED : HF_EXIT_OK;
}
