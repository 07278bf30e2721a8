/* Answers: read by hand, field by field, because an institution writes them: nothing is allocated, and every bound is ours. */
#include <string.h>

#include "engine/codec/codec.h"

#define MALFORMED(why) hf_fail(HF_STATUS_MALFORMED, why)

struct field {
  uint32_t number;
  bool is_bytes;
  uint64_t value;
  struct hf_span bytes;
};

/* The next field; false at the end, or where the bytes are no message: then the reader has failed. Groups are no message. */
static bool next_field(struct hf_reader *reader, struct field *field)
{
  if (reader->failed || reader->left.size == 0) return false;
  uint64_t tag = hf_read_varint(reader);
  *field = (struct field){.number = tag >> 3 > UINT32_MAX ? 0 : (uint32_t)(tag >> 3)};
  switch (tag & 7) {
  case 0: field->value = hf_read_varint(reader); break;
  case 1: (void)hf_read_span(reader, 8); break;
  case 2: {
    uint64_t size = hf_read_varint(reader);
    field->is_bytes = true;
    if (size > reader->left.size)
      reader->failed = true;
    else
      field->bytes = hf_read_span(reader, (size_t)size);
    break;
  }
  case 5: (void)hf_read_span(reader, 4); break;
  default: reader->failed = true;
  }
  return !reader->failed;
}

static int64_t zigzag(const struct field *field)
{
  return (int64_t)(field->value >> 1) ^ -(int64_t)(field->value & 1);
}

static bool time_of(const struct field *field, int64_t *wall_ns)
{
  return !field->is_bytes && !__builtin_mul_overflow(zigzag(field), 1000, wall_ns);
}

static bool text_of(const struct field *field, char *to, size_t capacity)
{
  if (!field->is_bytes || field->bytes.size >= capacity || !hf_text_is_sound(field->bytes.data, field->bytes.size))
    return false;
  if (field->bytes.size > 0) memcpy(to, field->bytes.data, field->bytes.size);
  to[field->bytes.size] = '\0';
  return true;
}

static bool id_of(const struct field *field, struct hf_uuid *id)
{
  if (!field->is_bytes || field->bytes.size != sizeof id->bytes) return false;
  memcpy(id->bytes, field->bytes.data, sizeof id->bytes);
  return true;
}

/* What cannot be read of a row is left out; the core ignores one with amount or time 0, and says so (chase.h). */
static bool read_transaction(struct hf_span bytes, struct hf_transaction *row)
{
  struct hf_reader reader = hf_reader_of(bytes);
  memset(row, 0, sizeof *row);
  for (struct field field; next_field(&reader, &field);) switch (field.number) {
    case 1: row->credit = field.value != 0; break;
    case 2: row->cash = field.value != 0; break;
    case 3: row->failed = field.value != 0; break;
    case 4: row->amount = zigzag(&field) < 0 ? 0 : zigzag(&field); break;
    case 5: row->has_balance = field.value != 0; break;
    case 6: row->balance = zigzag(&field); break;
    case 7:
      if (!time_of(&field, &row->at_wall_ns)) row->at_wall_ns = 0;
      break;
    case 8: (void)text_of(&field, row->serial, sizeof row->serial); break;
    case 9: (void)text_of(&field, row->institution, sizeof row->institution); break;
    case 10:
      if (!hf_is_ok(hf_account_number_set(&row->account, field.bytes.data, field.bytes.size))) row->account.size = 0;
      break;
    case 11:
      if (!hf_is_ok(hf_name_set(&row->name, field.bytes.data, field.bytes.size))) row->name.size = 0;
      break;
    default: break;
    }
  return !reader.failed;
}

static bool read_hold(struct hf_span bytes, struct hf_listed_hold *hold)
{
  struct hf_reader reader = hf_reader_of(bytes);
  bool sound = true;
  memset(hold, 0, sizeof *hold);
  for (struct field field; next_field(&reader, &field);) switch (field.number) {
    case 1: sound &= id_of(&field, &hold->order_id.uuid); break;
    case 2: hold->freeze = field.value != 0; break;
    case 3: hold->amount = zigzag(&field); break;
    case 4: sound &= time_of(&field, &hold->expires_wall_ns); break;
    case 5: sound &= text_of(&field, hold->authority, sizeof hold->authority); break;
    default: break;
    }
  return sound && !reader.failed;
}

static const char *take_result(const struct field *field, struct hf_answer *answer)
{
  bool digits = field->is_bytes && field->bytes.size == 4;
  for (size_t i = 0; digits && i < 4; i++) digits = field->bytes.data[i] >= '0' && field->bytes.data[i] <= '9';
  if (!digits) return "result: not four digits";
  memcpy(answer->result, field->bytes.data, 4);
  return NULL;
}

static const char *take_rows(const struct field *field, struct hf_transaction *transactions, struct hf_listed_hold *holds,
                             struct hf_answer *answer)
{
  if (!field->is_bytes) return "transactions, holds: no message";
  if (field->number == 18) {
    if (answer->transactions_count == HF_ANSWER_ROWS_MAX) return "transactions: more than 500";
    return read_transaction(field->bytes, &transactions[answer->transactions_count++]) ? NULL : "transactions: no message";
  }
  if (answer->holds_count == HF_ANSWER_HOLDS_MAX) return "holds: more than 64";
  return read_hold(field->bytes, &holds[answer->holds_count++]) ? NULL : "holds: a field is none of its kind";
}

static const char *take_field(const struct field *field, struct hf_answer *answer)
{
  switch (field->number) {
  case 1: return id_of(field, &answer->order_id.uuid) ? NULL : "order_id: not 16 bytes";
  case 3:
    answer->has_receipt = field->value == 1 || field->value == 2;
    answer->has_feedback = field->value == 2;
    return answer->has_receipt ? NULL : "kind: neither a receipt nor feedback";
  case 4:
    return text_of(field, answer->reference, sizeof answer->reference) ? NULL : "reference: over 64 bytes or not plain text";
  case 5: return take_result(field, answer);
  case 6: return time_of(field, &answer->executed_wall_ns) ? NULL : "executed_at_us: no time";
  case 7: return time_of(field, &answer->expires_wall_ns) ? NULL : "expires_at_us: no time";
  case 8: answer->balance = zigzag(field); return NULL;
  case 9: answer->has_balance = field->value != 0; return NULL;
  case 10: answer->held = zigzag(field); return answer->held < 0 ? "held: less than nothing" : NULL;
  case 13:
    return text_of(field, answer->former_authority, sizeof answer->former_authority)
               ? NULL
               : "former_authority: over 64 bytes or not plain text";
  case 14: return time_of(field, &answer->former_expires_wall_ns) ? NULL : "former_expires_at_us: no time";
  case 15: answer->queued = field->value != 0; return NULL;
  case 16:
    return field->is_bytes && hf_is_ok(hf_name_set(&answer->holder, field->bytes.data, field->bytes.size))
               ? NULL
               : "holder: over 120 bytes or not UTF-8";
  case 17: answer->more = field->value != 0; return NULL;
  default: return NULL; /* newer fields */
  }
}

struct hf_status hf_answer_decode(struct hf_span payload, struct hf_transaction *transactions, struct hf_listed_hold *holds,
                                  char institution[HF_INSTITUTION_CODE_SIZE_MAX + 1], struct hf_answer *answer)
{
  struct hf_reader reader = hf_reader_of(payload);
  memset(answer, 0, sizeof *answer);
  institution[0] = '\0';
  answer->transactions = transactions;
  answer->holds = holds;
  for (struct field field; next_field(&reader, &field);) {
    const char *fault = NULL;
    if (field.number == 2)
      fault = text_of(&field, institution, HF_INSTITUTION_CODE_SIZE_MAX + 1) ? NULL : "institution: over 12 characters";
    else if (field.number == 18 || field.number == 19)
      fault = take_rows(&field, transactions, holds, answer);
    else
      fault = take_field(&field, answer);
    if (fault != NULL) return MALFORMED(fault);
  }
  if (reader.failed) return MALFORMED("the payload is no message");
  if (hf_uuid_is_zero(answer->order_id.uuid)) return MALFORMED("order_id: missing");
  if (!answer->has_receipt) return MALFORMED("kind: missing");
  return answer->has_feedback && answer->result[0] == '\0' ? MALFORMED("result: missing") : hf_ok();
}
