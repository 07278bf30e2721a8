#include "engine/cli/pdf.h"

#include <hpdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cli/cli.h"

#define MARGIN 36.0F
#define SIZE 8.0F
#define LINE 1.45F /* of the letters' size, from one row to the next */
#define GAP 8.0F   /* between two columns */

struct table {
  struct table *next;
  char *caption; /* NULL: none */
  char **cells;  /* row after row */
  int columns, rows, rows_max;
};

struct hf_pdf {
  char *title, *month;
  struct table *first, *last;
  HPDF_Doc document;
  HPDF_Font font;
  HPDF_Page page;
  HPDF_STATUS error; /* the first */
  HPDF_REAL y, width;
};

static char *copy(const char *text)
{
  char *new = strdup(text);
  if (new == NULL) abort();
  return new;
}

struct hf_pdf *hf_pdf_open(const char *title, const char *month)
{
  struct hf_pdf *pdf = calloc(1, sizeof *pdf);
  if (pdf == NULL) abort();
  pdf->title = copy(title);
  pdf->month = copy(month);
  return pdf;
}

void hf_pdf_table(struct hf_pdf *pdf, const char *caption)
{
  struct table *table = calloc(1, sizeof *table);
  if (table == NULL) abort();
  table->caption = caption == NULL ? NULL : copy(caption);
  if (pdf->last == NULL)
    pdf->first = table;
  else
    pdf->last->next = table;
  pdf->last = table;
}

void hf_pdf_row(struct hf_pdf *pdf, const char *const *cells, int count)
{
  struct table *table = pdf->last;
  if (table->rows == table->rows_max) {
    table->columns = count;
    table->rows_max = table->rows_max * 2 + 16;
    table->cells = realloc(table->cells, (size_t)table->rows_max * (size_t)count * sizeof *table->cells);
    if (table->cells == NULL) abort();
  }
  for (int c = 0; c < count; c++) table->cells[table->rows * count + c] = copy(cells[c]);
  table->rows++;
}

static void on_error(HPDF_STATUS error, HPDF_STATUS detail, void *owner)
{
  struct hf_pdf *pdf = owner;
  (void)detail;
  if (pdf->error == HPDF_OK) pdf->error = error;
}

static void put_text(struct hf_pdf *pdf, HPDF_REAL x, HPDF_REAL size, const char *text)
{
  HPDF_Page_BeginText(pdf->page);
  HPDF_Page_SetFontAndSize(pdf->page, pdf->font, size);
  HPDF_Page_TextOut(pdf->page, x, pdf->y, text);
  HPDF_Page_EndText(pdf->page);
}

static void next_page(struct hf_pdf *pdf)
{
  char head[256];
  pdf->page = HPDF_AddPage(pdf->document);
  HPDF_Page_SetSize(pdf->page, HPDF_PAGE_SIZE_A4, HPDF_PAGE_LANDSCAPE);
  pdf->y = HPDF_Page_GetHeight(pdf->page) - MARGIN;
  pdf->width = HPDF_Page_GetWidth(pdf->page) - 2 * MARGIN;
  snprintf(head, sizeof head, "%s %s", pdf->title, pdf->month);
  put_text(pdf, MARGIN, 1.5F * SIZE, head);
  pdf->y -= 4 * SIZE;
}

static HPDF_REAL width_of(struct hf_pdf *pdf, const char *text, HPDF_REAL size)
{
  HPDF_Page_SetFontAndSize(pdf->page, pdf->font, size);
  return HPDF_Page_TextWidth(pdf->page, text);
}

/* The columns' right ends at SIZE; the first is set to the left. */
static HPDF_REAL measure(struct hf_pdf *pdf, const struct table *table, HPDF_REAL *ends)
{
  HPDF_REAL end = -GAP;
  for (int c = 0; c < table->columns; c++) {
    HPDF_REAL widest = 0;
    for (int r = 0; r < table->rows; r++) {
      HPDF_REAL width = width_of(pdf, table->cells[r * table->columns + c], SIZE);
      if (width > widest) widest = width;
    }
    end += GAP + widest;
    ends[c] = end;
  }
  return end;
}

static void draw_row(struct hf_pdf *pdf, const struct table *table, int row, const HPDF_REAL *ends, HPDF_REAL scale)
{
  for (int c = 0; c < table->columns; c++) {
    const char *text = table->cells[row * table->columns + c];
    HPDF_REAL x = c == 0 ? 0 : ends[c] * scale - width_of(pdf, text, SIZE * scale);
    put_text(pdf, MARGIN + x, SIZE * scale, text);
  }
  if (row == 0) {
    HPDF_Page_SetLineWidth(pdf->page, 0.5F);
    HPDF_Page_MoveTo(pdf->page, MARGIN, pdf->y - 2);
    HPDF_Page_LineTo(pdf->page, MARGIN + ends[table->columns - 1] * scale, pdf->y - 2);
    HPDF_Page_Stroke(pdf->page);
    pdf->y -= 2;
  }
  pdf->y -= LINE * SIZE * scale;
}

/* A table that is wider than the page is drawn smaller; one that is longer goes on, under its heading again. */
static void draw(struct hf_pdf *pdf, const struct table *table)
{
  HPDF_REAL *ends = calloc((size_t)table->columns + 1, sizeof *ends);
  if (ends == NULL) abort();
  HPDF_REAL total = measure(pdf, table, ends), scale = total > pdf->width ? pdf->width / total : 1;
  if (pdf->y < MARGIN + 5 * LINE * SIZE) next_page(pdf);
  if (table->caption != NULL) {
    put_text(pdf, MARGIN, 1.2F * SIZE, table->caption);
    pdf->y -= 2 * SIZE;
  }
  for (int r = 0; r < table->rows && pdf->error == HPDF_OK; r++) {
    if (pdf->y < MARGIN) {
      next_page(pdf);
      draw_row(pdf, table, 0, ends, scale);
    }
    draw_row(pdf, table, r, ends, scale);
  }
  pdf->y -= 2 * LINE * SIZE;
  free(ends);
}

/* Its month's first day, not today: the same month gives the same bytes whenever it is asked for. */
static void date(struct hf_pdf *pdf)
{
  HPDF_Date of = {.year = atoi(pdf->month), .month = atoi(pdf->month + 5), .day = 1, .ind = '+', .off_hour = 8};
  HPDF_SetInfoDateAttr(pdf->document, HPDF_INFO_CREATION_DATE, of);
  HPDF_SetInfoDateAttr(pdf->document, HPDF_INFO_MOD_DATE, of);
}

static void compose(struct hf_pdf *pdf)
{
  HPDF_SetCompressionMode(pdf->document, HPDF_COMP_ALL);
  HPDF_UseUTFEncodings(pdf->document);
  date(pdf);
  const char *name = HPDF_LoadTTFontFromFile2(pdf->document, HF_PDF_FONT, 0, HPDF_TRUE);
  pdf->font = name == NULL ? NULL : HPDF_GetFont(pdf->document, name, "UTF-8");
  if (pdf->font == NULL) return;
  next_page(pdf);
  for (const struct table *table = pdf->first; table != NULL && pdf->error == HPDF_OK; table = table->next)
    if (table->columns > 0) draw(pdf, table);
  HPDF_SaveToStream(pdf->document);
}

static void release(struct hf_pdf *pdf)
{
  for (struct table *table = pdf->first, *next; table != NULL; table = next) {
    next = table->next;
    for (int i = 0; i < table->rows * table->columns; i++) free(table->cells[i]);
    free(table->cells);
    free(table->caption);
    free(table);
  }
  if (pdf->document != NULL) HPDF_Free(pdf->document);
  free(pdf->title);
  free(pdf->month);
  free(pdf);
}

bool hf_pdf_close(struct hf_pdf *pdf, void (*put)(void *owner, const void *bytes, unsigned size), void *owner)
{
  HPDF_BYTE piece[4096];
  HPDF_STATUS more = HPDF_OK; /* until the last piece */
  pdf->document = HPDF_New(on_error, pdf);
  if (pdf->document != NULL) compose(pdf);
  bool ok = pdf->document != NULL && pdf->font != NULL && pdf->error == HPDF_OK;
  while (ok && more == HPDF_OK) {
    HPDF_UINT32 size = sizeof piece;
    more = HPDF_ReadFromStream(pdf->document, piece, &size);
    put(owner, piece, size);
  }
  if (!ok && pdf->font == NULL)
    hf_say(_("the PDF's font cannot be read (package fonts-wqy-microhei): %s"), HF_PDF_FONT);
  else if (!ok)
    hf_say(_("libharu cannot make the PDF: error %lx"), (unsigned long)pdf->error);
  release(pdf);
  return ok;
}
