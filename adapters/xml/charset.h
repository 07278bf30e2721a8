/*
 * Charset: GBK and GB18030, which vendors' systems still have inside (domain.md 3.1), to and from UTF-8.
 *
 * Thread:  any; each has its own converters, opened with their first use.
 * Errors:  bytes that are none of their charset make the whole MALFORMED; a character that GBK lacks is written as '?'.
 */
#ifndef HF_ADAPTERS_XML_CHARSET_H
#define HF_ADAPTERS_XML_CHARSET_H

#include "engine/base/bytes.h"
#include "engine/base/status.h"

enum hf_charset { HF_CHARSET_UTF8, HF_CHARSET_GBK, HF_CHARSET_GB18030 };

const char *hf_charset_name(enum hf_charset charset);
/* What a document's declaration says: GB2312 is read as GBK, which holds it. UTF8 where it says nothing, or anything else. */
enum hf_charset hf_charset_declared(struct hf_span xml);

/* Appends text in UTF-8 in that charset. */
void hf_charset_write(enum hf_charset charset, struct hf_span utf8, struct hf_writer *out);
/* Reads bytes of that charset into the writer, as UTF-8. */
struct hf_status hf_charset_read(enum hf_charset charset, struct hf_span bytes, struct hf_writer *utf8);

#endif
