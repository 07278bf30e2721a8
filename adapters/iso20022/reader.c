/*
 * iso20022, the reader: camt.029 to a recall, auth.002 with a camt.052 inside to a request. Tolerant of the messages' version,
 * of their envelope and of elements that it does not know; matched by the order's id alone (BizMsgIdr, CxlId, InvstgtnId).
 */
#include <string.h>

#include "adapters/iso20022/iso20022.h"
#include "adapters/xml/xml.h"

/* Words of the external code sets to the four digits of domain.md 3.4. */
static const struct {
  const char *code, *result;
} confirmations[] = {{"CNCL", "0000"}, {"ACCR", "0000"}, {"PECR", "1200"}},
  refusals[] = {{"AC01", "0300"}, {"AC03", "0300"}, {"AC04", "0300"}, {"AC06", "1302"}, {"BE01", "0301"}, {"NOOR", "0400"},
                {"ARDT", "0900"}, {"AM04", "1300"}, {"AGNT", "1300"}, {"CUST", "1300"}, {"NOAS", "1300"}, {"LEGL", "1399"}};

struct reading {
  const struct hf_order *order;
  struct hf_answer_room *room;
  struct hf_answer *answer;
  const char *fault;
  char definition[20];        /* of the document that is open: "camt.029" */
  struct hf_uuid id;          /* as the answer says it */
  bool has_id, found, in_row; /* found: a report is there; in_row: in an Ntry of its Rpt */
  char reason[5];
  char status[5];     /* Sts/Conf; RspnSts */
  char individual[5]; /* TxCxlSts */
  bool row_has_side, row_rejected;
  struct hf_name names[2]; /* of the row: debtor, creditor */
  struct hf_account_number numbers[2];
  char agents[2][HF_INSTITUTION_CODE_SIZE_MAX + 1];
  bool debit_balance;
  int64_t balance;
};

static void fail(struct reading *reading, const char *why)
{
  if (reading->fault == NULL) reading->fault = why;
}

static bool copy_text(const struct hf_xml_place *place, char *to, size_t capacity)
{
  if (place->size >= capacity || !hf_text_is_sound(place->text, place->size)) return false;
  memcpy(to, place->text, place->size + 1);
  return true;
}

static int64_t amount_of(const struct hf_xml_place *place)
{
  int64_t amount = hf_amount_parse(place->text);
  return amount < 0 ? INT64_MIN : amount;
}

/* --- the order that it is about --- */

static void take_id(struct reading *reading, const struct hf_xml_place *place)
{
  if (!hf_is_ok(hf_uuid_of_hex(place->text, place->size, &reading->id)))
    fail(reading, "CxlStsId, OrgnlTxId or InvstgtnId: not 32 hexadecimal digits");
  reading->has_id = true;
}

static void take_code(struct reading *reading, const struct hf_xml_place *place, char to[5], const char *why)
{
  if (place->size != 4 || !copy_text(place, to, 5)) fail(reading, why);
}

/* --- camt.029 --- */

static void take_resolution(struct reading *reading, const struct hf_xml_place *place)
{
  struct hf_answer *answer = reading->answer;
  if (hf_xml_is(place, "TxInfAndSts/CxlStsId"))
    take_id(reading, place);
  else if (hf_xml_is(place, "Sts/Conf"))
    take_code(reading, place, reading->status, "Sts.Conf: not four characters");
  else if (hf_xml_is(place, "TxInfAndSts/TxCxlSts"))
    take_code(reading, place, reading->individual, "TxCxlSts: not four characters");
  else if (hf_xml_is(place, "CxlStsRsnInf/Rsn/Cd") || hf_xml_is(place, "CxlStsRsnInf/Rsn/Prtry"))
    take_code(reading, place, reading->reason, "CxlStsRsnInf.Rsn: not four characters");
  else if (hf_xml_is(place, "RsltnRltdInf/IntrBkSttlmAmt")) {
    answer->held = amount_of(place);
    if (answer->held == INT64_MIN) fail(reading, "RsltnRltdInf.IntrBkSttlmAmt: not an amount");
  } else if (hf_xml_is(place, "Hold/ExecutedAt")) {
    answer->executed_wall_ns = hf_time_parse(place->text);
    if (answer->executed_wall_ns == INT64_MIN) fail(reading, "Hold.ExecutedAt: not a time");
  } else if (hf_xml_is(place, "Hold/Until")) {
    answer->expires_wall_ns = hf_time_parse(place->text);
    if (answer->expires_wall_ns == INT64_MIN) fail(reading, "Hold.Until: not a time");
  } else if (hf_xml_is(place, "Hold/Balance")) {
    answer->balance = amount_of(place);
    answer->has_balance = answer->balance != INT64_MIN;
    if (!answer->has_balance) fail(reading, "Hold.Balance: not an amount");
  }
}

/* --- auth.002 --- */

static void take_response(struct reading *reading, const struct hf_xml_place *place)
{
  if (hf_xml_is(place, "InfReqRspn/InvstgtnId"))
    take_id(reading, place);
  else if (hf_xml_is(place, "InfReqRspn/RspnSts"))
    take_code(reading, place, reading->status, "RspnSts: not four characters");
  else if (hf_xml_is(place, "InvstgtnRslt/InvstgtnSts"))
    take_code(reading, place, reading->reason, "InvstgtnSts: not four characters");
}

/* --- camt.052 inside --- */

static struct hf_transaction *row_of(struct reading *reading)
{
  return &reading->room->transactions[reading->answer->transactions_count - 1];
}

static void begin_row(struct reading *reading)
{
  if (reading->answer->transactions_count == HF_ANSWER_ROWS_MAX) {
    fail(reading, "Ntry: more than 500");
    return;
  }
  reading->answer->transactions = reading->room->transactions;
  memset(&reading->room->transactions[reading->answer->transactions_count++], 0, sizeof(struct hf_transaction));
  reading->in_row = true;
  reading->row_has_side = reading->row_rejected = false;
  memset(reading->names, 0, sizeof reading->names);
  memset(reading->numbers, 0, sizeof reading->numbers);
  memset(reading->agents, 0, sizeof reading->agents);
}

/* Debtor and creditor: the other side is whoever the account is not. */
static void end_row(struct reading *reading)
{
  struct hf_transaction *row = row_of(reading);
  reading->in_row = false;
  int other = row->credit ? 0 : 1;
  row->name = reading->names[other];
  row->account = reading->numbers[other];
  memcpy(row->institution, reading->agents[other], sizeof row->institution);
  if (!reading->row_has_side || reading->row_rejected) row->failed = true;
}

static void take_party(struct reading *reading, const struct hf_xml_place *place)
{
  static const struct {
    const char *path;
    int side;
    int what; /* name, number, agent */
  } known[] = {{"Dbtr/Pty/Nm", 0, 0},
               {"Cdtr/Pty/Nm", 1, 0},
               {"DbtrAcct/Id/Othr/Id", 0, 1},
               {"DbtrAcct/Id/IBAN", 0, 1},
               {"CdtrAcct/Id/Othr/Id", 1, 1},
               {"CdtrAcct/Id/IBAN", 1, 1},
               {"DbtrAgt/FinInstnId/ClrSysMmbId/MmbId", 0, 2},
               {"CdtrAgt/FinInstnId/ClrSysMmbId/MmbId", 1, 2},
               {"DbtrAgt/FinInstnId/BICFI", 0, 2},
               {"CdtrAgt/FinInstnId/BICFI", 1, 2},
               {"DbtrAgt/FinInstnId/Othr/Id", 0, 2},
               {"CdtrAgt/FinInstnId/Othr/Id", 1, 2}};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (!hf_xml_is(place, known[i].path)) continue;
    int side = known[i].side;
    if (known[i].what == 0 && !hf_is_ok(hf_name_set(&reading->names[side], place->text, place->size)))
      reading->names[side].size = 0;
    if (known[i].what == 1 && !hf_is_ok(hf_account_number_set(&reading->numbers[side], place->text, place->size)))
      reading->numbers[side].size = 0;
    if (known[i].what == 2 && !copy_text(place, reading->agents[side], sizeof reading->agents[side]))
      reading->agents[side][0] = '\0';
    return;
  }
}

/* As far as a row is sound; the core ignores one with amount or time 0, and says so (chase.h). */
static void take_entry(struct reading *reading, const struct hf_xml_place *place)
{
  struct hf_transaction *row = row_of(reading);
  if (hf_xml_is(place, "Rpt/Ntry")) {
    end_row(reading);
  } else if (hf_xml_is(place, "Ntry/Amt")) {
    row->amount = amount_of(place);
    if (row->amount == INT64_MIN) row->amount = 0;
  } else if (hf_xml_is(place, "Ntry/CdtDbtInd")) {
    row->credit = strcmp(place->text, "CRDT") == 0;
    reading->row_has_side = row->credit || strcmp(place->text, "DBIT") == 0;
  } else if (hf_xml_is(place, "Ntry/Sts/Cd")) {
    reading->row_rejected = strcmp(place->text, "BOOK") != 0;
  } else if (hf_xml_is(place, "Ntry/BookgDt/DtTm")) {
    row->at_wall_ns = hf_time_parse(place->text);
    if (row->at_wall_ns == INT64_MIN) row->at_wall_ns = 0;
  } else if (hf_xml_is(place, "Ntry/AcctSvcrRef")) {
    if (!copy_text(place, row->serial, sizeof row->serial)) row->serial[0] = '\0';
  } else if (hf_xml_is(place, "BkTxCd/Domn/Fmly/SubFmlyCd")) {
    row->cash = strcmp(place->text, "CWDL") == 0 || strcmp(place->text, "CDPT") == 0;
  } else {
    take_party(reading, place);
  }
}

static void take_report(struct reading *reading, const struct hf_xml_place *place)
{
  struct hf_answer *answer = reading->answer;
  if (reading->in_row) {
    take_entry(reading, place);
  } else if (hf_xml_is(place, "Rpt/Acct/Nm") || hf_xml_is(place, "Acct/Ownr/Nm")) {
    if (!hf_is_ok(hf_name_set(&answer->holder, place->text, place->size)))
      fail(reading, "Acct.Nm: over 120 bytes or not UTF-8");
  } else if (hf_xml_is(place, "Bal/Amt")) {
    reading->balance = amount_of(place);
    if (reading->balance == INT64_MIN) fail(reading, "Bal.Amt: not an amount");
  } else if (hf_xml_is(place, "Bal/CdtDbtInd")) {
    reading->debit_balance = strcmp(place->text, "DBIT") == 0;
  } else if (hf_xml_is(place, "Rpt/Bal")) {
    answer->balance = reading->debit_balance ? 0 : reading->balance; /* overdrawn: there is nothing */
    answer->has_balance = true;
  }
}

/* --- elements --- */

static const char *begun(void *owner, const struct hf_xml_place *place)
{
  static const char space[] = HF_ISO20022_SPACE;
  struct reading *reading = owner;
  if (hf_xml_is(place, "Document")) {
    bool iso = strncmp(place->space, space, sizeof space - 1) == 0;
    size_t size = iso ? strlen(place->space + sizeof space - 1) : 0;
    if (size < 8 || size >= sizeof reading->definition) return "Document: not in a namespace of ISO 20022";
    memcpy(reading->definition, place->space + sizeof space - 1, size + 1);
    if (strncmp(reading->definition, "camt.052", 8) == 0) reading->found = true;
  } else if (hf_xml_is(place, "Rpt/Ntry")) {
    begin_row(reading);
  }
  return reading->fault;
}

static const char *ended(void *owner, const struct hf_xml_place *place)
{
  struct reading *reading = owner;
  bool recall = reading->order->action == HF_ACTION_STOP;
  if (recall && strncmp(reading->definition, "camt.029", 8) == 0)
    take_resolution(reading, place);
  else if (!recall && strncmp(reading->definition, "auth.002", 8) == 0)
    take_response(reading, place);
  else if (!recall && strncmp(reading->definition, "camt.052", 8) == 0)
    take_report(reading, place);
  if (hf_xml_is(place, "Document") && strncmp(reading->definition, "camt.052", 8) == 0)
    strcpy(reading->definition, "auth.002"); /* it stood inside one */
  return reading->fault;
}

/* --- what it comes to --- */

static struct hf_status conclude_recall(const struct reading *reading)
{
  struct hf_answer *answer = reading->answer;
  /* Where the transaction's own status is less than the message's, it is the one that counts. */
  bool less = strcmp(reading->individual, "RJCR") == 0 || strcmp(reading->individual, "PDCR") == 0;
  const char *said = less || reading->status[0] == '\0' ? reading->individual : reading->status;
  answer->has_receipt = true;
  if (strcmp(said, "PDCR") == 0 || strcmp(said, "UWFW") == 0) return hf_ok();
  const char *result = NULL;
  for (size_t i = 0; i < sizeof confirmations / sizeof confirmations[0]; i++)
    if (strcmp(said, confirmations[i].code) == 0) result = confirmations[i].result;
  bool refused = strcmp(said, "RJCR") == 0;
  for (size_t i = 0; refused && i < sizeof refusals / sizeof refusals[0]; i++)
    if (strcmp(reading->reason, refusals[i].code) == 0) result = refusals[i].result;
  bool own = strspn(reading->reason, "0123456789") == 4; /* Rsn/Prtry: the four digits themselves */
  if (refused && own) result = reading->reason;
  if (refused && result == NULL) result = "1399";
  if (result == NULL) return hf_fail(HF_STATUS_MALFORMED, "Sts.Conf or TxCxlSts: CNCL, ACCR, PECR, PDCR, UWFW or RJCR");
  strcpy(answer->result, result);
  answer->has_feedback = true;
  return hf_ok();
}

static struct hf_status conclude_query(const struct reading *reading)
{
  struct hf_answer *answer = reading->answer;
  bool whole = strcmp(reading->status, "COMP") == 0, part = strcmp(reading->status, "PART") == 0;
  if (!whole && !part && strcmp(reading->status, "NRES") != 0)
    return hf_fail(HF_STATUS_MALFORMED, "RspnSts: COMP, PART or NRES");
  answer->has_receipt = answer->has_feedback = true;
  answer->more = part;
  bool found = reading->found || strcmp(reading->reason, "FOUN") == 0;
  strcpy(answer->result, found ? "0000" : strcmp(reading->reason, "NOAP") == 0 ? "1000" : "0300");
  return hf_ok();
}

struct hf_status hf_iso20022_decode(struct hf_span bytes, const struct hf_order *order, const struct hf_institution *row,
                                    struct hf_answer_room *room, struct hf_answer *answer)
{
  (void)row;
  struct reading reading = {.order = order, .room = room, .answer = answer};
  const struct hf_xml_visitor visitor = {.owner = &reading, .begun = begun, .ended = ended};
  memset(answer, 0, sizeof *answer);
  struct hf_status status = hf_xml_read(bytes, HF_XML_DEPTH_MAX, &visitor);
  if (!hf_is_ok(status)) return status;
  if (!reading.has_id)
    return hf_fail(HF_STATUS_MALFORMED,
                   order->action == HF_ACTION_STOP ? "no camt.029 with a CxlStsId" : "no auth.002 with an InvstgtnId");
  if (!hf_uuid_equal(reading.id, order->id.uuid)) return hf_fail(HF_STATUS_REFUSED, "CxlStsId or InvstgtnId: another order's");
  answer->order_id = order->id;
  return order->action == HF_ACTION_STOP ? conclude_recall(&reading) : conclude_query(&reading);
}
