/*
 * Bench: what a message costs in each dialect: a stop encoded, and its feedback decoded, from the golden vectors. usage:
 * dialects_bench SOURCE_DIR; prints JSON: p50, p99 in ns of both together.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/dialect.h"
#include "engine/base/assert.h"

#define SAMPLES 20000

static struct hf_answer_room room;
static struct hf_answer answer;
static int64_t samples[SAMPLES];

static size_t read_file(const char *folder, const char *path, uint8_t *to, size_t capacity)
{
  char full[512];
  snprintf(full, sizeof full, "%s/%s", folder, path);
  FILE *in = fopen(full, "rbe");
  HF_ASSERT(in != NULL);
  size_t size = fread(to, 1, capacity, in);
  fclose(in);
  return size;
}

static int compare(const void *a, const void *b)
{
  return (*(const int64_t *)a > *(const int64_t *)b) - (*(const int64_t *)a < *(const int64_t *)b);
}

static void measure(const struct hf_dialect *dialect, const char *code, const char *folder, const char *vector, const char *end)
{
  static uint8_t feedback[65536], out[HF_ORDER_BODY_SIZE_MAX];
  struct hf_institution row = {.code = "BANKA", .name = "bank", .bank_code = "102100000013"};
  struct hf_order order = {.case_number = "A-1",
                           .action = HF_ACTION_STOP,
                           .amount = 5000000,
                           .currency = HF_CURRENCY_CNY,
                           .transfer_wall_ns = 1699999990LL * HF_NS_PER_S,
                           .issued_wall_ns = 1700000000LL * HF_NS_PER_S,
                           .deadline_wall_ns = 1700000060LL * HF_NS_PER_S,
                           .key_id = "0123456789abcdef0123456789abcdef",
                           .form_reference = "ZF-1"};
  strcpy(order.institution, code);
  if (dialect == &hf_iso8583) strcpy(row.profile, "encoding=bcd tpdu=6000030000 mac=x919");
  struct hf_span bytes = {feedback, read_file(folder, vector, feedback, sizeof feedback)};
  HF_ASSERT(hf_is_ok(hf_uuid_parse("01a20be9-b54e-8003-9c9d-0af5e8da17a2", 36, &order.id.uuid)));
  HF_ASSERT(hf_is_ok(hf_account_number_set(&order.account, "6222020000001234", 16)));
  HF_ASSERT(hf_is_ok(hf_name_set(&order.name, "张三", 6)));
  for (int i = -1000; i < SAMPLES; i++) {
    int64_t began = hf_time_now().mono_ns;
    struct hf_writer body = hf_writer_of(out, sizeof out);
    bool ok = hf_is_ok(dialect->encode(&order, &row, &body)) && hf_is_ok(dialect->decode(bytes, &order, &row, &room, &answer));
    int64_t took = hf_time_now().mono_ns - began;
    HF_ASSERT(ok && answer.has_feedback);
    if (i >= 0) samples[i] = took;
  }
  qsort(samples, SAMPLES, sizeof *samples, compare);
  printf("\"%s\": {\"p50_ns\": %lld, \"p99_ns\": %lld}%s", dialect->name, (long long)samples[SAMPLES / 2],
         (long long)samples[SAMPLES * 99 / 100], end);
}

int main(int argc, char **argv)
{
  HF_ASSERT(argc == 2);
  printf("{");
  measure(&hf_holdfast_json, "BANKA", argv[1], "adapters/holdfast_json/vectors/done.answer.json", ", ");
  measure(&hf_platform_xml, "BANKA", argv[1], "adapters/platform_xml/vectors/stop.answer.xml", ", ");
  measure(&hf_iso20022, "BANKD", argv[1], "adapters/iso20022/vectors/stop.answer.xml", ", ");
  measure(&hf_iso8583, "CARDA", argv[1], "adapters/iso8583/vectors/done.answer.packed", ", ");
  measure(&hf_wallet_json, "PAYA", argv[1], "adapters/wallet_json/vectors/done.answer.json", "}\n");
  return 0;
}
