#include "adapters/banksim/iso20022.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <expat.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/banksim/answer.h"
#include "adapters/banksim/order.h"
#include "adapters/banksim/signature.h"

#define SPACE "urn:iso:std:iso:20022:tech:xsd:"

/* --- reading: every element's text by its path below Document --- */

struct fields {
  json_t *of;
  char path[1024], space[128], text[2048];
  size_t size;
};

static void XMLCALL on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
  struct fields *fields = user;
  const char *local = strrchr(name, ' ');
  (void)attributes;
  fields->size = 0;
  if (local != NULL && strcmp(local + 1, "Document") == 0) {
    snprintf(fields->space, sizeof fields->space, "%.*s", (int)(local - name), name);
    fields->path[0] = '\0';
    return;
  }
  size_t used = strlen(fields->path);
  snprintf(fields->path + used, sizeof fields->path - used, "/%s", local == NULL ? name : local + 1);
}

static void XMLCALL on_end(void *user, const XML_Char *name)
{
  struct fields *fields = user;
  (void)name;
  if (fields->path[0] == '/') json_object_set_new(fields->of, fields->path + 1, json_stringn(fields->text, fields->size));
  char *slash = strrchr(fields->path, '/');
  if (slash != NULL) *slash = '\0';
  fields->size = 0;
}

static void XMLCALL on_text(void *user, const XML_Char *bytes, int size)
{
  struct fields *fields = user;
  if (fields->size + (size_t)size > sizeof fields->text) return;
  memcpy(fields->text + fields->size, bytes, (size_t)size);
  fields->size += (size_t)size;
}

#define TX "FIToFIPmtCxlReq/Undrlyg/TxInf/"
#define CRITERIA "InfReqOpng/SchCrit/Acct/"

static json_t *recall_of(const json_t *fields, const char *institution)
{
  const char *number = order_text(fields, TX "OrgnlTxRef/CdtrAcct/Id/Othr/Id");
  if (number[0] == '\0') number = order_text(fields, TX "OrgnlTxRef/CdtrAcct/Id/IBAN");
  json_t *order = json_pack("{s:s, s:s, s:s, s:{s:s, s:s}, s:{s:s}}", "case_id", "-", "action", "stop", "institution",
                            institution, "account", "number", number, "name", order_text(fields, TX "OrgnlTxRef/Cdtr/Pty/Nm"),
                            "transfer", "amount", order_text(fields, TX "OrgnlIntrBkSttlmAmt"));
  order_set_id(order, "order_id", order_text(fields, TX "CxlId"));
  return order;
}

static json_t *request_of(const json_t *fields, const char *institution)
{
  const char *number = order_text(fields, CRITERIA "Id/Id/Othr/Id");
  if (number[0] == '\0') number = order_text(fields, CRITERIA "Id/Id/IBAN");
  json_t *order = json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:{s:s}}", "case_id", "-", "action", "query", "mode", "both",
                            "institution", institution, "account", "number", number, "name",
                            order_text(fields, CRITERIA "Id/Nm"), "transfer", "amount", "100.00");
  order_set_id(order, "order_id", order_text(fields, "InfReqOpng/InvstgtnId"));
  const char *page = order_text(fields, "InfReqOpng/SplmtryData/Envlp/Order/Page");
  if (page[0] != '\0') json_object_set_new(order, "page", json_integer(atoi(page)));
  return order;
}

static json_t *read_order(const char *xml, size_t size, const char *institution)
{
  struct fields *fields = calloc(1, sizeof *fields);
  if (fields == NULL) abort();
  fields->of = json_object();
  XML_Parser parser = XML_ParserCreateNS(NULL, ' ');
  XML_SetUserData(parser, fields);
  XML_SetElementHandler(parser, on_start, on_end);
  XML_SetCharacterDataHandler(parser, on_text);
  bool sound = XML_Parse(parser, xml, (int)size, 1) == XML_STATUS_OK;
  XML_ParserFree(parser);
  json_t *order = NULL;
  if (sound && strcmp(fields->space, SPACE "camt.056.001.08") == 0) order = recall_of(fields->of, institution);
  if (sound && strcmp(fields->space, SPACE "auth.001.001.01") == 0) order = request_of(fields->of, institution);
  json_decref(fields->of);
  free(fields);
  return order;
}

/* --- writing --- */

static void put(FILE *out, const char *name, const char *text)
{
  if (text[0] == '\0') return;
  fprintf(out, "<%s>", name);
  for (; *text != '\0'; text++) {
    if (*text == '&')
      fputs("&amp;", out);
    else if (*text == '<')
      fputs("&lt;", out);
    else
      fputc(*text, out);
  }
  fprintf(out, "</%s>", name);
}

static void put_hex(FILE *out, const char *name, const char *id)
{
  if (strlen(id) == 36) fprintf(out, "<%s>%.8s%.4s%.4s%.4s%.12s</%s>", name, id, id + 9, id + 14, id + 19, id + 24, name);
}

static void put_amount(FILE *out, const char *name, const char *amount)
{
  if (amount[0] != '\0') fprintf(out, "<%s Ccy=\"CNY\">%s</%s>", name, amount, name);
}

static void begin_message(FILE *out, const struct bank *bank, const char *definition, const char *made)
{
  fprintf(
      out,
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?><BizMsgEnvlp xmlns=\"" SPACE "nvlp.001.001.01\"><Hdr><AppHdr xmlns=\"" SPACE
      "head.001.001.02\"><Fr><FIId><FinInstnId><Othr><Id>%s</Id></Othr></FinInstnId></FIId></Fr><To><OrgId><Id><OrgId><Othr>"
      "<Id>HOLDFAST</Id></Othr></OrgId></Id></OrgId></To><BizMsgIdr>A-1</BizMsgIdr><MsgDefIdr>%s</MsgDefIdr><CreDt>%s</CreDt>"
      "</AppHdr></Hdr><Doc><Document xmlns=\"" SPACE "%s\">",
      bank->code, definition, made, definition);
}

static void write_resolution(FILE *out, const struct bank *bank, const json_t *said, const char *made)
{
  const json_t *feedback = json_object_get(said, "feedback");
  const char *result = order_text(feedback, "result");
  bool done = strcmp(result, "0000") == 0, some = strcmp(result, "1200") == 0;
  begin_message(out, bank, "camt.029.001.09", made);
  fprintf(
      out,
      "<RsltnOfInvstgtn><Assgnmt><Id>A-1</Id><Assgnr><Agt><FinInstnId><Othr><Id>%s</Id></Othr></FinInstnId></Agt></"
      "Assgnr><Assgne>"
      "<Pty><Id><OrgId><Othr><Id>HOLDFAST</Id></Othr></OrgId></Id></Pty></Assgne><CreDtTm>%s</CreDtTm></Assgnmt><Sts><Conf>%s"
      "</Conf></Sts><CxlDtls><TxInfAndSts>",
      bank->code, made,
      feedback == NULL ? "PDCR"
      : done           ? "CNCL"
      : some           ? "PECR"
                       : "RJCR");
  put_hex(out, "CxlStsId", order_text(said, "order_id"));
  put(out, "TxCxlSts", feedback == NULL ? "PDCR" : done || some ? "ACCR" : "RJCR");
  if (feedback != NULL && !done && !some) fprintf(out, "<CxlStsRsnInf><Rsn><Prtry>%s</Prtry></Rsn></CxlStsRsnInf>", result);
  if (done || some) {
    fputs("<RsltnRltdInf>", out);
    put_amount(out, "IntrBkSttlmAmt", order_text(feedback, "held"));
    fputs("</RsltnRltdInf>", out);
  }
  fputs("</TxInfAndSts></CxlDtls>", out);
  if (feedback != NULL) {
    fputs("<SplmtryData><Envlp><Hold xmlns=\"urn:holdfast:iso20022:1\">", out);
    put(out, "ExecutedAt", order_text(feedback, "executed_at"));
    put(out, "Until", order_text(feedback, "expires_at"));
    put(out, "Balance", order_text(feedback, "balance"));
    fputs("</Hold></Envlp></SplmtryData>", out);
  }
  fputs("</RsltnOfInvstgtn></Document></Doc></BizMsgEnvlp>", out);
}

static void write_entry(FILE *out, const json_t *row)
{
  const json_t *other = json_object_get(row, "other");
  bool credit = strcmp(order_text(row, "side"), "credit") == 0, cash = json_is_true(json_object_get(row, "cash"));
  fputs("<Ntry>", out);
  put_amount(out, "Amt", order_text(row, "amount"));
  fprintf(out, "<CdtDbtInd>%s</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><DtTm>%s</DtTm></BookgDt>", credit ? "CRDT" : "DBIT",
          order_text(row, "at"));
  put(out, "AcctSvcrRef", order_text(row, "serial"));
  fprintf(out, "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>%s</Cd><SubFmlyCd>%s</SubFmlyCd></Fmly></Domn></BkTxCd>",
          cash ? "CNTR" : "RCDT", cash ? (credit ? "CDPT" : "CWDL") : "DMCT");
  if (other != NULL) {
    const char *party = credit ? "Dbtr" : "Cdtr";
    fprintf(out, "<NtryDtls><TxDtls><RltdPties><%s><Pty>", party);
    put(out, "Nm", order_text(other, "name"));
    fprintf(out, "</Pty></%s><%sAcct><Id><Othr>", party, party);
    put(out, "Id", order_text(other, "number"));
    fprintf(out, "</Othr></Id></%sAcct></RltdPties><RltdAgts><%sAgt><FinInstnId><Othr>", party, party);
    put(out, "Id", order_text(other, "institution"));
    fprintf(out, "</Othr></FinInstnId></%sAgt></RltdAgts></TxDtls></NtryDtls>", party);
  }
  fputs("</Ntry>", out);
}

static void write_report(FILE *out, const json_t *order, const json_t *feedback, const char *made)
{
  const json_t *rows = json_object_get(feedback, "transactions");
  fprintf(out,
          "<Rslt><Document xmlns=\"" SPACE
          "camt.052.001.08\"><BkToCstmrAcctRpt><GrpHdr><MsgId>A-1</MsgId><CreDtTm>%s</CreDtTm></GrpHdr>"
          "<Rpt><Id>A-1</Id><Acct><Id><Othr>",
          made);
  put(out, "Id", order_text(json_object_get(order, "account"), "number"));
  fputs("</Othr></Id>", out);
  put(out, "Nm", order_text(feedback, "holder"));
  fputs("</Acct><Bal><Tp><CdOrPrtry><Cd>ITAV</Cd></CdOrPrtry></Tp>", out);
  put_amount(out, "Amt", order_text(feedback, "balance"));
  fprintf(out, "<CdtDbtInd>CRDT</CdtDbtInd><Dt><DtTm>%s</DtTm></Dt></Bal>", made);
  for (size_t i = 0; i < json_array_size(rows); i++) write_entry(out, json_array_get(rows, i));
  fputs("</Rpt></BkToCstmrAcctRpt></Document></Rslt>", out);
}

static void write_response(FILE *out, const struct bank *bank, const json_t *order, const json_t *said, const char *made)
{
  const json_t *feedback = json_object_get(said, "feedback");
  bool found = strcmp(order_text(feedback, "result"), "0000") == 0;
  begin_message(out, bank, "auth.002.001.01", made);
  fputs("<InfReqRspn><RspnId>A-1</RspnId>", out);
  put_hex(out, "InvstgtnId", order_text(said, "order_id"));
  put(out, "RspnSts", !found ? "NRES" : json_is_true(json_object_get(feedback, "more")) ? "PART" : "COMP");
  fputs("<SchCrit><Acct><Id><Id><Othr>", out);
  put(out, "Id", order_text(json_object_get(order, "account"), "number"));
  fputs(
      "</Othr></Id></Id><InvstgtdPties><Cd>ALLP</Cd></InvstgtdPties><AuthrtyReqTp><MsgNmId>camt.052.001.08</MsgNmId></"
      "AuthrtyReqTp>"
      "</Acct></SchCrit><RtrInd><AuthrtyReqTp><MsgNmId>camt.052.001.08</MsgNmId></AuthrtyReqTp><InvstgtnRslt>",
      out);
  if (found)
    write_report(out, order, feedback, made);
  else
    fputs("<InvstgtnSts>NFOU</InvstgtnSts>", out);
  fputs("</InvstgtnRslt></RtrInd></InfReqRspn></Document></Doc></BizMsgEnvlp>", out);
}

/* NULL where there is nothing to say yet and the message has no word for that. */
static char *written(const struct bank *bank, const json_t *order, const char *answer)
{
  json_error_t error;
  json_t *said = json_loads(answer, 0, &error);
  const json_t *feedback = json_object_get(said, "feedback");
  bool recall = strcmp(order_text(order, "action"), "stop") == 0;
  const char *made = feedback == NULL ? "2026-01-01T00:00:00Z" : order_text(feedback, "executed_at");
  char *text = NULL;
  size_t size;
  if (said != NULL && (recall || feedback != NULL)) {
    FILE *out = open_memstream(&text, &size);
    if (recall)
      write_resolution(out, bank, said, made);
    else
      write_response(out, bank, order, said, made);
    fclose(out);
  }
  json_decref(said);
  return text;
}

/* --- requests --- */

struct passage {
  struct evhttp_request *request;
  json_t *order;
};

static void send_written(struct answer *answer)
{
  struct passage *passage = answer->to;
  bool spoiled = answer->bank->fault == FAULT_GARBAGE || answer->verdict.status != 200;
  char *text = spoiled ? NULL : written(answer->bank, passage->order, answer->verdict.body);
  if (text != NULL) {
    free(answer->verdict.body);
    answer->verdict.body = text;
  } else if (!spoiled) {
    answer->verdict.status = 503; /* ask again */
  }
  answer->to = passage->request;
  json_decref(passage->order);
  free(passage);
  answer_send_http(answer);
}

void iso20022_on_order(struct evhttp_request *request, void *user)
{
  struct bank *bank = user;
  struct evbuffer *input = evhttp_request_get_input_buffer(request);
  size_t size = evbuffer_get_length(input);
  const uint8_t *body = evbuffer_pullup(input, -1);
  const char *signature = evhttp_find_header(evhttp_request_get_input_headers(request), "Holdfast-Signature");
  bool right = size > 0 && signature_is_right_for("application/xml", signature, body, size);
  json_t *order = right ? read_order((const char *)body, size, bank->code) : NULL;
  struct passage *passage = malloc(sizeof *passage);
  if (passage == NULL) abort();
  *passage = (struct passage){request, order};
  struct answer *answer = answer_new(bank, send_written, passage);
  evhttp_request_own(request); /* the connection may go before the answer does */
  if (order != NULL) {
    char *text = json_dumps(order, JSON_COMPACT);
    bank_decide(bank, text, strlen(text), &answer->verdict);
    free(text);
  } else {
    answer->verdict = (struct verdict){.status = right ? 400 : 401, .body = strdup("<Error/>")};
  }
  answer_later(answer);
}
