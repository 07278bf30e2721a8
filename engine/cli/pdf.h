/*
 * PDF: titled tables on A4 pages, for a file that is signed, printed and kept: its font goes along, and the same rows of the
 * same month give the same bytes (libharu; the document's date is the month's, not today's). Thread: one. Memory: its rows,
 * until it is closed.
 */
#ifndef HF_CLI_PDF_H
#define HF_CLI_PDF_H

#include <stdbool.h>

struct hf_pdf;

/* title: at the head of every page. month: "2026-11". Never NULL. */
struct hf_pdf *hf_pdf_open(const char *title, const char *month);
/* What follows is a table of its own; caption may be NULL. Its first row is its heading, and stands on each page again. */
void hf_pdf_table(struct hf_pdf *pdf, const char *caption);
/* UTF-8 texts, copied; a table's rows have all the same count. */
void hf_pdf_row(struct hf_pdf *pdf, const char *const *cells, int count);
/* Hands the document on in pieces. False after having said why (no font, no memory). Frees it. */
bool hf_pdf_close(struct hf_pdf *pdf, void (*put)(void *owner, const void *bytes, unsigned size), void *owner);

#endif
