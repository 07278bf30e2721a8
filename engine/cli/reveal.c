#include "engine/cli/reveal.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/audit.h"
#include "engine/record/lookup.h"

struct value {
  char pseudonym[HF_ACCOUNT_NUMBER_SIZE_MAX + 1], clear[HF_NAME_SIZE_MAX + 1];
};

struct hf_opened {
  struct hf_seal *seal;
  struct value *values;
  size_t count, capacity;
};

struct hf_seal *hf_cli_seal(const struct hf_cli *cli)
{
  struct hf_seal *seal = NULL;
  if (cli->personal_keys[0] == '\0') {
    hf_say("%s", _("the configuration names no personal_keys: only masks can be shown"));
    return NULL;
  }
  struct hf_status status = hf_seal_open(&seal, cli->personal_keys);
  if (hf_is_ok(status)) return seal;
  hf_say("%s: %s", cli->personal_keys, status.why);
  return NULL;
}

const char *hf_opened_text(const struct hf_opened *opened, const char *text)
{
  for (size_t i = 0; i < opened->count; i++)
    if (strcmp(opened->values[i].pseudonym, text) == 0) return opened->values[i].clear;
  return NULL;
}

static void add(struct hf_opened *opened, const uint8_t *pseudonym, size_t pseudonym_size, const uint8_t *clear, size_t size)
{
  struct value value = {0};
  memcpy(value.pseudonym, pseudonym, pseudonym_size);
  memcpy(value.clear, clear, size);
  if (hf_opened_text(opened, value.pseudonym) != NULL) return;
  if (opened->count == opened->capacity) {
    opened->capacity = opened->capacity * 2 + 64;
    opened->values = realloc(opened->values, opened->capacity * sizeof *opened->values);
    if (opened->values == NULL) abort();
  }
  opened->values[opened->count++] = value;
}

static void add_account(void *owner, struct hf_account_number *number)
{
  struct hf_opened *opened = owner;
  struct hf_account_number pseudonym;
  if (number->size == 0) return;
  hf_seal_account(opened->seal, number, &pseudonym);
  add(opened, pseudonym.bytes, pseudonym.size, number->bytes, number->size);
}

static void add_name(void *owner, struct hf_name *name)
{
  struct hf_opened *opened = owner;
  struct hf_name pseudonym;
  if (name->size == 0) return;
  hf_seal_name(opened->seal, name, &pseudonym);
  add(opened, pseudonym.bytes, pseudonym.size, name->bytes, name->size);
}

static struct hf_status take_row(struct hf_opened *opened, const PGresult *rows, int row, struct hf_read_keys *keys)
{
  struct hf_fact fact;
  const struct hf_personal_visit visit = {.account = add_account, .name = add_name, .owner = opened};
  struct hf_status status = hf_case_row(opened->seal, (uint32_t)hf_cli_u64(rows, row, 5), rows, row, keys, &fact);
  if (hf_is_ok(status) && fact.kind != HF_FACT_UNSET) hf_fact_visit_personal(&fact, &visit);
  OPENSSL_cleanse(&fact, sizeof fact);
  return status;
}

struct hf_opened *hf_opened_case(const struct hf_cli *cli, PGconn *database, const char *case_id)
{
  struct hf_seal *seal = hf_cli_seal(cli);
  PGresult *rows =
      seal == NULL
          ? NULL
          : hf_cli_binary(
                database,
                "select * from (select null::bytea as body, case_id, first_seq as seq, wrapped_by, wrapped, shard::int8 "
                "from case_key where shard = any (array(select shard from shard)) and case_id = $1::uuid "
                "union all select body, null, seq, null, null, shard from fact_ever where shard = any (array(select "
                "shard from shard)) and case_id = $1::uuid) rows order by body is not null, seq",
                1, (const char *const[]){case_id});
  struct hf_read_keys keys = {0};
  struct hf_status status = hf_ok();
  struct hf_opened *opened = rows == NULL ? NULL : calloc(1, sizeof *opened);
  if (opened == NULL) {
    hf_seal_close(seal);
    return NULL;
  }
  opened->seal = seal;
  for (int row = 0; row < PQntuples(rows) && hf_is_ok(status); row++) status = take_row(opened, rows, row, &keys);
  hf_read_keys_free(&keys);
  PQclear(rows);
  if (hf_is_ok(status)) return opened;
  hf_say("%s", status.why);
  hf_opened_free(opened);
  return NULL;
}

void hf_opened_free(struct hf_opened *opened)
{
  if (opened == NULL) return;
  hf_seal_close(opened->seal);
  if (opened->values != NULL) OPENSSL_cleanse(opened->values, opened->capacity * sizeof *opened->values);
  free(opened->values);
  free(opened);
}
