#include "adapters/xml/xml.h"

#include <expat.h>
#include <string.h>

#include "adapters/xml/charset.h"
#include "engine/limits.h"

/* --- writing --- */

static void write_escaped(struct hf_writer *out, const void *bytes, size_t size)
{
  const uint8_t *at = bytes;
  for (size_t i = 0; i < size; i++) switch (at[i]) {
    case '&': hf_write_text(out, "&amp;"); break;
    case '<': hf_write_text(out, "&lt;"); break;
    case '>': hf_write_text(out, "&gt;"); break;
    default: hf_write_bytes(out, &at[i], 1);
    }
}

void hf_xml_begin(struct hf_writer *out, const char *name)
{
  hf_write_text(out, "<");
  hf_write_text(out, name);
  hf_write_text(out, ">");
}

void hf_xml_end(struct hf_writer *out, const char *name)
{
  hf_write_text(out, "</");
  hf_write_text(out, name);
  hf_write_text(out, ">");
}

void hf_xml_put_bytes(struct hf_writer *out, const char *name, const void *bytes, size_t size)
{
  hf_xml_begin(out, name);
  write_escaped(out, bytes, size);
  hf_xml_end(out, name);
}

void hf_xml_put(struct hf_writer *out, const char *name, const char *text)
{
  hf_xml_put_bytes(out, name, text, strlen(text));
}

/* --- reading --- */

struct reading {
  XML_Parser parser;
  const struct hf_xml_visitor *visitor;
  uint32_t depth_max;
  const char *fault;
  struct hf_xml_place place;
  size_t size;
  char text[HF_XML_TEXT_SIZE_MAX + 1];
};

static void fail(struct reading *reading, const char *why)
{
  if (why == NULL) return;
  if (reading->fault == NULL) reading->fault = why;
  XML_StopParser(reading->parser, XML_FALSE);
}

static void forget_text(struct reading *reading)
{
  reading->size = 0;
  reading->text[0] = '\0';
}

/* expat's name: the namespace, a space, the local part; or the local part alone. */
static void XMLCALL on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
  struct reading *reading = user;
  struct hf_xml_place *place = &reading->place;
  (void)attributes;
  if (place->depth == reading->depth_max) {
    fail(reading, "elements stand too deep in each other");
    return;
  }
  char space[128] = "";
  const char *local = strrchr(name, ' ');
  if (local != NULL && (size_t)(local - name) < sizeof space) memcpy(space, name, (size_t)(local - name));
  local = local == NULL ? name : local + 1;
  size_t size = strnlen(local, HF_XML_NAME_SIZE_MAX);
  memcpy(place->names[place->depth], local, size);
  place->names[place->depth++][size] = '\0';
  forget_text(reading);
  place->space = space;
  place->text = reading->text;
  place->size = 0;
  fail(reading, reading->visitor->begun == NULL ? NULL : reading->visitor->begun(reading->visitor->owner, place));
  place->space = "";
}

static void XMLCALL on_end(void *user, const XML_Char *name)
{
  struct reading *reading = user;
  (void)name;
  reading->place.size = reading->size;
  fail(reading, reading->visitor->ended(reading->visitor->owner, &reading->place));
  reading->place.depth--;
  forget_text(reading);
}

static void XMLCALL on_text(void *user, const XML_Char *bytes, int size)
{
  struct reading *reading = user;
  for (int i = 0; i < size; i++) {
    if (reading->size == 0 && strchr(" \t\r\n", bytes[i]) != NULL) continue;
    if (reading->size == HF_XML_TEXT_SIZE_MAX) {
      fail(reading, "an element's text is over 512 bytes");
      return;
    }
    reading->text[reading->size++] = bytes[i];
  }
  while (size > 0 && reading->size > 0 && strchr("\t\r\n", reading->text[reading->size - 1]) != NULL) reading->size--;
  reading->text[reading->size] = '\0';
}

static void XMLCALL on_doctype(void *user, const XML_Char *name, const XML_Char *system, const XML_Char *public, int internal)
{
  (void)name, (void)system, (void)public, (void)internal;
  fail(user, "a document type: not read");
}

/* Parses UTF-8, or what the document declares itself, which is UTF-8 or something that expat refuses. */
static struct hf_status parse(struct hf_span bytes, const char *charset, uint32_t depth_max,
                              const struct hf_xml_visitor *visitor)
{
  struct reading reading = {.visitor = visitor, .depth_max = depth_max < HF_XML_DEPTH_MAX ? depth_max : HF_XML_DEPTH_MAX};
  reading.parser = XML_ParserCreateNS(charset, ' ');
  if (reading.parser == NULL) return hf_fail(HF_STATUS_MALFORMED, "no memory for the reader");
  XML_SetUserData(reading.parser, &reading);
  XML_SetElementHandler(reading.parser, on_start, on_end);
  XML_SetCharacterDataHandler(reading.parser, on_text);
  XML_SetStartDoctypeDeclHandler(reading.parser, on_doctype);
  bool whole = XML_Parse(reading.parser, (const char *)bytes.data, (int)bytes.size, 1) == XML_STATUS_OK;
  XML_ParserFree(reading.parser);
  if (reading.fault != NULL) return hf_fail(HF_STATUS_MALFORMED, reading.fault);
  return whole ? hf_ok() : hf_fail(HF_STATUS_MALFORMED, "the answer is not well-formed XML in UTF-8");
}

struct hf_status hf_xml_read(struct hf_span bytes, uint32_t depth_max, const struct hf_xml_visitor *visitor)
{
  static _Thread_local uint8_t utf8[2 * HF_ANSWER_BODY_SIZE_MAX]; /* two bytes of GBK are at most three */
  if (bytes.size > HF_ANSWER_BODY_SIZE_MAX) return hf_fail(HF_STATUS_MALFORMED, "the answer is larger than 64 KiB");
  enum hf_charset charset = hf_charset_declared(bytes);
  if (charset == HF_CHARSET_UTF8) return parse(bytes, NULL, depth_max, visitor);
  struct hf_writer writer = hf_writer_of(utf8, sizeof utf8);
  struct hf_status status = hf_charset_read(charset, bytes, &writer);
  return hf_is_ok(status) ? parse((struct hf_span){utf8, writer.size}, "UTF-8", depth_max, visitor) : status;
}

const char *hf_xml_name(const struct hf_xml_place *place)
{
  return place->depth == 0 ? "" : place->names[place->depth - 1];
}

bool hf_xml_is(const struct hf_xml_place *place, const char *path)
{
  const char *end = path + strlen(path);
  for (uint32_t depth = place->depth; depth > 0; depth--) {
    const char *from = end;
    while (from > path && from[-1] != '/') from--;
    if (strlen(place->names[depth - 1]) != (size_t)(end - from) ||
        memcmp(place->names[depth - 1], from, (size_t)(end - from)) != 0)
      return false;
    if (from == path) return true;
    end = from - 1;
  }
  return false;
}
