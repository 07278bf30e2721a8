#include "engine/codec/codec.h"
#include "proto/answer.pb-c.h"
#include "proto/command.pb-c.h"
#include "proto/fact.pb-c.h"
#include "proto/order.pb-c.h"
#include "tests/unit/unit.h"

static uint8_t arena_memory[HF_UNPACK_ARENA_SIZE];
static struct hf_arena arena = {.memory = arena_memory, .capacity = sizeof arena_memory};
static uint8_t out[65536];

/* The bytes that protoc made of tests/golden/NAME.txtpb. */
static struct hf_span golden(const char *name)
{
  static uint8_t bytes[8192];
  char path[128];
  size_t size, count = 0;
  snprintf(path, sizeof path, "tests/golden/%s.hex", name);
  uint8_t *text = read_source_file(path, &size);
  for (size_t i = 0; i + 1 < size; i++) {
    unsigned value;
    if (text[i] == '\n') continue;
    assert_int_equal(sscanf((const char *)text + i++, "%2x", &value), 1);
    bytes[count++] = (uint8_t)value;
  }
  free(text);
  hf_arena_reset(&arena);
  return (struct hf_span){bytes, count};
}

static void same(struct hf_span bytes, size_t size)
{
  assert_int_equal(size, bytes.size);
  assert_memory_equal(out, bytes.data, size);
}

static void reports_are_as_ever(void **unused)
{
  static struct hf_report report;
  (void)unused;
  struct hf_span bytes = golden("report");
  assert_string_equal(hf_reason_code(hf_report_decode(bytes, &arena, &report)), "");
  assert_int_equal(report.transfers_count, 2);
  assert_int_equal(report.transfers[0].amount, 5000000);
  assert_int_equal(report.transfers[0].at_wall_ns, 1699999990LL * HF_NS_PER_S);
  assert_string_equal(report.transfers[1].payee.institution, "PAYA");
  same(bytes, hf_report_encode(&report, out, sizeof out));
  for (size_t size = 0; size < bytes.size; size++) { /* cut anywhere: a reason or a shorter report, never more than is there */
    static struct hf_report cut;
    hf_arena_reset(&arena);
    (void)hf_report_decode((struct hf_span){bytes.data, size}, &arena, &cut);
    assert_true(cut.transfers_count <= 2);
  }
}

static void envelopes_are_as_ever(void **unused)
{
  struct hf_envelope envelope;
  (void)unused;
  struct hf_span bytes = golden("envelope");
  assert_string_equal(hf_reason_code(hf_envelope_decode(bytes, &envelope)), "");
  assert_int_equal(envelope.kind, HF_PAYLOAD_REPORT);
  assert_string_equal(envelope.signatures[0].key_id, "0123456789abcdef0123456789abcdef");
  same(bytes,
       hf_envelope_encode(envelope.kind, envelope.payload, envelope.signatures, envelope.signatures_count, out, sizeof out));
  static const char signed_bytes[] = "DSSEv1 43 application/vnd.holdfast.report.v1+protobuf 5 12345";
  assert_int_equal(hf_envelope_signed_bytes(envelope.kind, envelope.payload, out, sizeof out), sizeof signed_bytes - 1);
  assert_memory_equal(out, signed_bytes, sizeof signed_bytes - 1);
}

static void envelopes_get_their_reason(void **unused)
{
  static const struct {
    const char *bytes;
    size_t size;
    const char *reason;
  } rows[] = {{"", 0, "empty"},
              {"\x0a\xff", 2, "not_an_envelope"},
              {"\xff\xff\xff", 3, "not_an_envelope"},
              {"\x0a\x01x\x12\x01y", 6, "wrong_payload_type"},
              {"hello, I am JSON", 16, "not_an_envelope"}};
  struct hf_envelope envelope;
  (void)unused;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    assert_string_equal(
        hf_reason_code(hf_envelope_decode((struct hf_span){(const uint8_t *)rows[i].bytes, rows[i].size}, &envelope)),
        rows[i].reason);
  struct hf_span bytes = golden("envelope");
  memcpy(out, bytes.data, bytes.size);
  size_t head = 2 + 43 + 2 + 5, one = bytes.size - head;
  assert_string_equal(hf_reason_code(hf_envelope_decode((struct hf_span){out, head}, &envelope)), "no_signature");
  for (int i = 1; i < 5; i++) memcpy(out + head + (size_t)i * one, out + head, one);
  assert_string_equal(hf_reason_code(hf_envelope_decode((struct hf_span){out, head + 4 * one}, &envelope)), "");
  assert_string_equal(hf_reason_code(hf_envelope_decode((struct hf_span){out, head + 5 * one}, &envelope)),
                      "too_many_signatures");
}

static void registry_changes_are_as_ever(void **unused)
{
  static struct hf_registry_change change;
  (void)unused;
  struct hf_span bytes = golden("registry");
  assert_string_equal(hf_reason_code(hf_registry_decode(bytes, &arena, &change)), "");
  assert_int_equal(change.institutions_count, 2);
  assert_true(change.institutions[1].payment_company && change.has_policy);
  same(bytes, hf_registry_encode(&change, out, sizeof out));
}

static void facts_are_as_ever(void **unused)
{
  static struct hf_fact fact;
  (void)unused;
  struct hf_span bytes = golden("fact"), sealed;
  assert_true(hf_is_ok(hf_fact_decode(bytes, &fact, &sealed)));
  assert_int_equal(fact.kind, HF_FACT_ORDER_ENDED);
  assert_int_equal(fact.ended.answer.held, 8350000);
  same(bytes, hf_fact_encode(&fact, "b7a1", sealed, out, sizeof out));
}

/* Messages that later programs use: their bytes are promised already. */
static void other_messages_are_as_ever(void **unused)
{
  (void)unused;
  struct hf_span bytes = golden("order");
  Holdfast__V1__Order *order = holdfast__v1__order__unpack(NULL, bytes.size, bytes.data);
  assert_non_null(order);
  assert_int_equal(order->base.n_unknown_fields, 0);
  same(bytes, holdfast__v1__order__pack(order, out));
  holdfast__v1__order__free_unpacked(order, NULL);
  bytes = golden("command");
  Holdfast__V1__Command *command = holdfast__v1__command__unpack(NULL, bytes.size, bytes.data);
  assert_non_null(command);
  assert_int_equal(command->kind, HOLDFAST__V1__COMMAND_KIND__COMMAND_KIND_LIFT);
  same(bytes, holdfast__v1__command__pack(command, out));
  holdfast__v1__command__free_unpacked(command, NULL);
  bytes = golden("answer");
  Holdfast__V1__Answer *answer = holdfast__v1__answer__unpack(NULL, bytes.size, bytes.data);
  assert_non_null(answer);
  assert_int_equal(answer->kind, HOLDFAST__V1__ANSWER_KIND__ANSWER_KIND_FEEDBACK);
  same(bytes, holdfast__v1__answer__pack(answer, out));
  holdfast__v1__answer__free_unpacked(answer, NULL);
}

static const char *read_access(const struct hf_access *access)
{
  static uint8_t bytes[1024];
  struct hf_access back;
  hf_arena_reset(&arena);
  size_t size = hf_access_encode(access, bytes, sizeof bytes);
  return hf_reason_code(hf_access_decode((struct hf_span){bytes, size}, &arena, &back));
}

static void accesses_are_as_ever_and_say_why(void **unused)
{
  (void)unused;
  struct hf_access access, wrong;
  struct hf_span bytes = golden("access");
  assert_string_equal(hf_reason_code(hf_access_decode(bytes, &arena, &access)), "");
  assert_int_equal(access.kind, HF_ACCESS_EXPORT);
  assert_true(hf_uuid_is_zero(access.case_id.uuid));
  assert_string_equal(access.reason, "joint meeting");
  same(bytes, hf_access_encode(&access, out, sizeof out));
  assert_string_equal(read_access(&access), "");
  wrong = access, strcpy(wrong.reason, "cute");
  assert_string_equal(read_access(&wrong), "bad_command");
  wrong = access, wrong.what[0] = '\0';
  assert_string_equal(read_access(&wrong), "bad_command");
  wrong = access, wrong.kind = HF_ACCESS_UNSET;
  assert_string_equal(read_access(&wrong), "bad_command");
  wrong = access, strcpy(wrong.what, "two\nlines");
  assert_string_equal(read_access(&wrong), "bad_text");
  assert_string_equal(hf_reason_code(hf_access_decode((struct hf_span){bytes.data, 5}, &arena, &wrong)), "malformed_payload");
}

static void commands_are_as_ever(void **unused)
{
  static struct hf_command command;
  (void)unused;
  struct hf_span bytes = golden("command");
  assert_string_equal(hf_reason_code(hf_command_decode(bytes, &arena, &command)), "");
  assert_int_equal(command.kind, HF_COMMAND_LIFT);
  assert_true(command.cascade && command.orders_count == 1);
  same(bytes, hf_command_encode(&command, out, sizeof out));
}

static const struct hf_institution full_row = {.code = "A",
                                               .name = "n",
                                               .dialect = "d",
                                               .transport = "t",
                                               .endpoint = "e",
                                               .bank_code = "402100000114",
                                               .profile = "side=bank",
                                               .payment_company = true,
                                               .enabled = true,
                                               .swallows_duplicates = true,
                                               .window = 1,
                                               .connections = 1,
                                               .try_timeout_ms = 1000,
                                               .actions = 6,
                                               .paused_until_wall_ns = 7000,
                                               .paused_from_wall_ns = 6000,
                                               .stands_for = "BANKB",
                                               .contacts = {"N; 123; 08-20; 2027-06-30", "M; 456; 20-08; 2027-06-30"}};

static const struct hf_fact_registry full_change = {{{1}}, "abc", "abd", 1, 1000, 2000, 2, 3, 4, true, true};
static const struct hf_fact_access full_access = {
    .of = {.id = {{1}}, .kind = HF_ACCESS_EXPORT, .case_id = {{{2}}}, .made_wall_ns = 1000, .what = "abc", .reason = "abc"},
    .offset = 3,
    .appended_wall_ns = 2000,
    .key_id = "abc"};

/* Fills every byte of a fact's payload that may be anything with something: each kind is then a message with all its fields. */
static void fill(struct hf_fact *fact, enum hf_fact_kind kind)
{
  static const char text[] = "abc";
  memset(fact, 0, sizeof *fact);
  fact->kind = kind;
  fact->shard = 3;
  fact->seq = 7;
  fact->decided = (struct hf_time){5, 1700000000LL * HF_NS_PER_S};
  memset(fact->case_id.uuid.bytes, 7, 16);
  switch (kind) {
  case HF_FACT_REPORT_ACCEPTED:
    memset(&fact->report.id, 1, 16);
    strcpy(fact->report.key_id, text), strcpy(fact->report.unit, text), strcpy(fact->report.second_id, text);
    fact->report.digest[3] = 9;
    fact->report.chase = (struct hf_chase_bounds){1, 2, 3, 1, true, 5};
    fact->report.countersign_by_wall_ns = HF_NS_PER_S;
    break;
  case HF_FACT_COMMAND_ACCEPTED:
    memset(&fact->command.id, 1, 16);
    fact->command.kind = HF_COMMAND_FREEZE;
    fact->command.document = (struct hf_document){"02", "n", "i", {1}};
    strcpy(fact->command.party.institution, text), strcpy(fact->command.text, text);
    break;
  case HF_FACT_ORDER_DRAFTED:
  case HF_FACT_ORDER_READY:
    memset(&fact->order.id, 1, 16), memset(&fact->order.parent, 2, 16);
    fact->order.action = HF_ACTION_FREEZE;
    fact->order.currency = HF_CURRENCY_CNY;
    assert_true(hf_is_ok(hf_account_number_set(&fact->order.account, text, 3)));
    fact->order.document = (struct hf_document){"02", "n", "i", {1}};
    strcpy(fact->order.serial, text), strcpy(fact->order.text, text), strcpy(fact->order.party.institution, text);
    break;
  case HF_FACT_ORDER_ENDED:
  case HF_FACT_ORDER_WATCHED:
  case HF_FACT_ANSWER_CONTRADICTED:
    fact->ended.state = HF_ORDER_EFFECTIVE;
    fact->ended.event = HF_ORDER_EVENT_DONE;
    strcpy(fact->ended.answer.former_authority, text);
    fact->ended.answer.queued = true;
    break;
  case HF_FACT_HOLD_CHANGED:
  case HF_FACT_HOLD_WARNED:
  case HF_FACT_HOLD_CHECKED:
  case HF_FACT_HOLD_DIFFERS:
    fact->hold.kind = HF_HOLD_FREEZE;
    fact->hold.event = kind == HF_FACT_HOLD_CHANGED ? HF_HOLD_EVENT_QUEUE : HF_HOLD_EVENT_PLACED;
    fact->hold.hold = (struct hf_hold){.state = HF_HOLD_STATE_QUEUED, .count = 1, .held = 4, .check_wall_ns = HF_NS_PER_S};
    fact->hold.listed = -1;
    break;
  case HF_FACT_MONEY_TRACED:
    strcpy(fact->traced.from.institution, text), strcpy(fact->traced.to.institution, text);
    fact->traced.root = 4, fact->traced.amount = 5, fact->traced.bound = HF_BOUND_HOPS;
    break;
  case HF_FACT_PAGE_READ: fact->page.chase.rows = 12; break;
  case HF_FACT_INSTITUTION_SET: fact->institution = full_row; break;
  case HF_FACT_KEY_SET:
    memset(fact->key.id, 'a', HF_KEY_ID_SIZE);
    fact->key.role = HF_ROLE_LEADER, fact->key.algorithm = HF_ALGORITHM_ED25519;
    fact->key.public_key_size = 3, fact->key.public_key[2] = 8, fact->key.valid_until_wall_ns = HF_NS_PER_S;
    break;
  case HF_FACT_REGISTRY_CHANGED: fact->changed = full_change; break;
  case HF_FACT_ACCESS_NOTED: fact->access = full_access; break;
  case HF_FACT_CALL_RAISED: fact->call = (struct hf_fact_call){"BANKA", HF_RUNG_CONTACT_B, 1000, 2000}; break;
  case HF_FACT_LANE_NOTED: fact->lane = (struct hf_fact_lane){"BANKA", true, 8, 9}; break;
  case HF_FACT_POLICY_SET: fact->policy = hf_policy_default(); break;
  case HF_FACT_ORDER_SENT: strcpy(fact->step.way, "BANKA2"); break;
  case HF_FACT_ATTEMPT_ENDED: fact->step.outcome = HF_OUTCOME_RESET, strcpy(fact->step.way, "BANKA2"); break;
  case HF_FACT_QUARANTINED: fact->quarantined.reason = HF_REASON_THIRD_STOP; break;
  case HF_FACT_TASK_OPENED: fact->task.task = HF_TASK_FIX, fact->task.cause = HF_DRAFT_CAUSE_PROTECTED; break;
  default: break;
  }
}

/* The tables of codec/fact.c say what proto/fact.proto says: protobuf-c reads our bytes without rest and packs the same. */
static void every_kind_of_fact_agrees_with_its_message(void **unused)
{
  static struct hf_fact fact, back;
  static uint8_t again[65536];
  static const uint8_t values[] = "sealed: checked in unit.seal";
  struct hf_span sealed;
  (void)unused;
  for (int kind = 1; kind < HF_FACT_COUNT; kind++) {
    fill(&fact, (enum hf_fact_kind)kind);
    size_t size = hf_fact_encode(&fact, "boot", (struct hf_span){values, sizeof values}, out, sizeof out);
    assert_true(size > 0);
    Holdfast__V1__Fact *message = holdfast__v1__fact__unpack(NULL, size, out);
    if (message == NULL) fail_msg("protobuf-c cannot read %s", hf_fact_code((enum hf_fact_kind)kind));
    if (message->base.n_unknown_fields > 0 || message->what_case == HOLDFAST__V1__FACT__WHAT__NOT_SET)
      fail_msg("%s has fields that the .proto does not know", hf_fact_code((enum hf_fact_kind)kind));
    assert_int_equal(holdfast__v1__fact__pack(message, again), size);
    assert_memory_equal(again, out, size);
    holdfast__v1__fact__free_unpacked(message, NULL);
    assert_true(hf_is_ok(hf_fact_decode((struct hf_span){out, size}, &back, &sealed)));
    assert_int_equal(hf_fact_encode(&back, "boot", sealed, again, sizeof again), size);
    assert_memory_equal(again, out, size);
    for (size_t cut = 0; cut < size; cut++) (void)hf_is_ok(hf_fact_decode((struct hf_span){out, cut}, &back, &sealed));
  }
}

static void unknown_fields_and_floods_are_refused(void **unused)
{
  static struct hf_report report;
  (void)unused;
  struct hf_span bytes = golden("report");
  memcpy(out, bytes.data, bytes.size);
  memcpy(out + bytes.size, "\xf8\x07\x01", 3); /* field 127 */
  assert_string_equal(hf_reason_code(hf_report_decode((struct hf_span){out, bytes.size + 3}, &arena, &report)),
                      "unknown_field");
  uint8_t *flood = malloc(50001 * 2);
  for (int i = 0; i < 50001; i++) memcpy(flood + 2 * i, "\x32", 2);
  assert_string_equal(hf_reason_code(hf_report_decode((struct hf_span){flood, 50001 * 2}, &arena, &report)),
                      "too_many_targets");
  free(flood);
}

/* --- what institutions sign at the gate --- */

static const char *refusal_of(const char *lines)
{
  struct hf_callback callback;
  struct hf_status status = hf_callback_read((struct hf_span){(const uint8_t *)lines, strlen(lines)}, &callback);
  return hf_is_ok(status) ? NULL : status.why;
}

static void a_callback_is_its_five_lines(void **unused)
{
  (void)unused;
  size_t size;
  uint8_t *lines = read_source_file("tests/golden/callback/receipt.lines", &size);
  struct hf_callback callback;
  char id[HF_UUID_TEXT_SIZE];
  assert_true(hf_is_ok(hf_callback_read((struct hf_span){lines, size}, &callback)));
  assert_string_equal(hf_uuid_text(callback.order_id.uuid, id), "01a20be9-b54e-8003-9c9d-0af5e8da17a2");
  assert_int_equal(callback.made_wall_ns, 1795766400LL * 1000000000);
  assert_int_equal(callback.nonce.size, 32);
  assert_true(callback.body.data[0] == '{' && callback.body.data[callback.body.size - 1] == '}'); /* two lines, as it is */
  for (size_t cut = 0; cut < size - 1; cut++) /* cut anywhere it may be a shorter body, and nothing else */
    if (hf_is_ok(hf_callback_read((struct hf_span){lines, cut}, &callback))) assert_true(callback.body.size + 1 < size);
  free(lines);
}

static void a_callback_says_which_line_is_wrong(void **unused)
{
  (void)unused;
#define WAY "/v1/orders/01a20be9-b54e-8003-9c9d-0af5e8da17a2/answers\n"
#define NONCE "0123456789abcdef\n"
  assert_null(refusal_of("POST\n" WAY "1\n" NONCE "\n")); /* an empty body is the dialect's to refuse */
  assert_string_equal(refusal_of(""), "callback: not five lines");
  assert_string_equal(refusal_of("POST\n" WAY "1\n" NONCE), "callback: not five lines");
  assert_string_equal(refusal_of("POST\n" WAY "1\n" NONCE "{}"), "callback: not five lines");
  assert_string_equal(refusal_of("GET\n" WAY "1\n" NONCE "{}\n"), "callback: the first line is not POST");
  assert_string_equal(refusal_of("POST\n/v1/orders/x/answers\n1\n" NONCE "{}\n"), "callback: the path names no order");
  assert_string_equal(refusal_of("POST\n/v2" WAY "1\n" NONCE "{}\n"), "callback: the path names no order");
  assert_string_equal(refusal_of("POST\n" WAY "-1\n" NONCE "{}\n"), "callback: the time is not in seconds");
  assert_string_equal(refusal_of("POST\n" WAY "12345678901\n" NONCE "{}\n"), "callback: the time is not in seconds");
  assert_string_equal(refusal_of("POST\n" WAY "\n" NONCE "{}\n"), "callback: the time is not in seconds");
  assert_string_equal(refusal_of("POST\n" WAY "1\n0123456789abcde\n{}\n"),
                      "callback: the nonce is not 16 to 64 visible characters");
  assert_string_equal(refusal_of("POST\n" WAY "1\n0123456789 abcdef\n{}\n"),
                      "callback: the nonce is not 16 to 64 visible characters");
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(reports_are_as_ever),
                                     cmocka_unit_test(envelopes_are_as_ever),
                                     cmocka_unit_test(envelopes_get_their_reason),
                                     cmocka_unit_test(registry_changes_are_as_ever),
                                     cmocka_unit_test(facts_are_as_ever),
                                     cmocka_unit_test(commands_are_as_ever),
                                     cmocka_unit_test(accesses_are_as_ever_and_say_why),
                                     cmocka_unit_test(every_kind_of_fact_agrees_with_its_message),
                                     cmocka_unit_test(other_messages_are_as_ever),
                                     cmocka_unit_test(unknown_fields_and_floods_are_refused),
                                     cmocka_unit_test(a_callback_is_its_five_lines),
                                     cmocka_unit_test(a_callback_says_which_line_is_wrong)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
