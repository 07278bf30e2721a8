#include "adapters/xml/charset.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

#include "engine/base/assert.h"

static const char *const names[] = {"UTF-8", "GBK", "GB18030"};

const char *hf_charset_name(enum hf_charset charset)
{
  return names[charset];
}

enum hf_charset hf_charset_declared(struct hf_span xml)
{
  static const char mark[] = "encoding=";
  size_t head = xml.size < 128 ? xml.size : 128;
  if (head < 6 || memcmp(xml.data, "<?xml", 5) != 0) return HF_CHARSET_UTF8;
  const uint8_t *end = memchr(xml.data, '>', head);
  const uint8_t *at = end == NULL ? NULL : memmem(xml.data, (size_t)(end - xml.data), mark, sizeof mark - 1);
  if (at == NULL) return HF_CHARSET_UTF8;
  const char *said = (const char *)at + sizeof mark; /* behind the quote */
  size_t left = (size_t)(end - xml.data) - (size_t)((const uint8_t *)said - xml.data);
  if ((const uint8_t *)said >= end) return HF_CHARSET_UTF8;
  if (left >= 7 && strncasecmp(said, "GB18030", 7) == 0) return HF_CHARSET_GB18030;
  if ((left >= 3 && strncasecmp(said, "GBK", 3) == 0) || (left >= 6 && strncasecmp(said, "GB2312", 6) == 0))
    return HF_CHARSET_GBK;
  return HF_CHARSET_UTF8;
}

/* glibc's; both directions of both, per thread. */
static iconv_t converter(enum hf_charset charset, bool reads)
{
  static _Thread_local iconv_t open[2][3];
  iconv_t *at = &open[reads][charset];
  if (*at == 0) *at = reads ? iconv_open("UTF-8", names[charset]) : iconv_open(names[charset], "UTF-8");
  HF_ASSERT(*at != (iconv_t)-1); /* glibc has them built as modules beside it */
  iconv(*at, NULL, NULL, NULL, NULL);
  return *at;
}

/* Converts what it can; returns iconv's errno at the first thing that it cannot, 0 at the end. */
static int convert(iconv_t with, char **from, size_t *left, struct hf_writer *out)
{
  char *to = (char *)out->data + out->size;
  size_t room = out->capacity - out->size, got = iconv(with, from, left, &to, &room);
  out->size = out->capacity - room;
  return got == (size_t)-1 ? errno : 0;
}

void hf_charset_write(enum hf_charset charset, struct hf_span utf8, struct hf_writer *out)
{
  if (charset == HF_CHARSET_UTF8) {
    hf_write_bytes(out, utf8.data, utf8.size);
    return;
  }
  char *from = (char *)(uintptr_t)utf8.data;
  size_t left = utf8.size;
  iconv_t with = converter(charset, false);
  while (left > 0 && !out->full) {
    int why = convert(with, &from, &left, out);
    if (why == 0) return;
    if (why == E2BIG) out->full = true;
    if (why != EILSEQ) break; /* EINVAL: a character that is cut: our own texts are whole */
    hf_write_text(out, "?");
    do {
      from++;
      left--;
    } while (left > 0 && ((uint8_t)*from & 0xc0) == 0x80);
  }
}

struct hf_status hf_charset_read(enum hf_charset charset, struct hf_span bytes, struct hf_writer *utf8)
{
  char *from = (char *)(uintptr_t)bytes.data;
  size_t left = bytes.size;
  int why = convert(converter(charset, true), &from, &left, utf8);
  if (why == 0) return hf_ok();
  return hf_fail(HF_STATUS_MALFORMED,
                 why == E2BIG ? "the answer is larger than 64 KiB" : "bytes that are not of the declared charset");
}
