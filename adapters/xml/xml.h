/*
 * XML: what the dialects that are XML share: elements written into a bounded buffer, and a reader of foreign bytes by expat.
 *
 * Charsets: UTF-8; GBK, GB2312 and GB18030 where the document declares them.
 * Refused:  a document type (so no entity of its own, internal or external), over 64 KiB, too deep, an element's text over 512
 *           bytes. Namespaces are resolved; a name is its local part.
 * Memory:   expat's own, given back before hf_xml_read returns; the place lives on the stack.
 */
#ifndef HF_ADAPTERS_XML_XML_H
#define HF_ADAPTERS_XML_XML_H

#include "engine/base/bytes.h"
#include "engine/base/status.h"

#define HF_XML_DEPTH_MAX 32
#define HF_XML_NAME_SIZE_MAX 47 /* longer names are cut: no dialect knows one */
#define HF_XML_TEXT_SIZE_MAX 512

void hf_xml_begin(struct hf_writer *out, const char *name);
void hf_xml_end(struct hf_writer *out, const char *name);
void hf_xml_put(struct hf_writer *out, const char *name, const char *text);
void hf_xml_put_bytes(struct hf_writer *out, const char *name, const void *bytes, size_t size);

/* Where the reader stands: the names from the root to the element. */
struct hf_xml_place {
  uint32_t depth;
  char names[HF_XML_DEPTH_MAX][HF_XML_NAME_SIZE_MAX + 1];
  const char *space; /* the element's namespace; "": none. While it begins only */
  const char *text;  /* its text without white space around it, with a NUL behind; "" while it begins */
  size_t size;
};

/* Both return why the document is refused, NULL where they go on. */
struct hf_xml_visitor {
  void *owner;
  const char *(*begun)(void *owner, const struct hf_xml_place *place);
  const char *(*ended)(void *owner, const struct hf_xml_place *place);
};

/* MALFORMED with the visitor's reason, or with what is not XML. depth_max: at most HF_XML_DEPTH_MAX. */
struct hf_status hf_xml_read(struct hf_span bytes, uint32_t depth_max, const struct hf_xml_visitor *visitor);
/* Whether the place's last names are these: "Id/Othr/Id". */
bool hf_xml_is(const struct hf_xml_place *place, const char *path);
const char *hf_xml_name(const struct hf_xml_place *place);

#endif
