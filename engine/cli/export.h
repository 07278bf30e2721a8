/*
 * Exports: files that leave the centre. Each is written beside its target, is an access with its SHA-256 in the record
 * (access.c), and only then stands in its place: a reader finds a whole file or none.
 */
#ifndef HF_CLI_EXPORT_H
#define HF_CLI_EXPORT_H

#include <stdio.h>

#include "engine/base/hash.h"
#include "engine/cli/cli.h"
#include "engine/cli/pdf.h"

struct hf_export_sink {
  FILE *file;
  struct hf_sha256 hash;
  uint64_t rows;      /* told when it is closed */
  struct hf_pdf *pdf; /* NULL: what is put is the file */
  const char *target;
  char part[1024];
};

/* False, after having said why: nothing is open. */
bool hf_export_open(struct hf_export_sink *sink, const char *target);
void hf_export_put(struct hf_export_sink *sink, const void *bytes, size_t size);
/* ok false: nothing is left of it. Else the file is in its place once the access is recorded; prints its digest. Exit code. */
int hf_export_close(const struct hf_cli *cli, struct hf_export_sink *sink, bool ok, const char *name);

/* "yyyy-MM", not after the present one (China's); false after having said so. */
bool hf_export_month(const char *text);

/* What may be exported: a month's tables, each with its title. */

struct hf_export_section {
  const char *title; /* NULL: the only one */
  const char *sql;   /* $1: the month, China's; its columns' names are the headings */
};

#define HF_EXPORT_MEETING_SECTIONS 6
extern const struct hf_export_section hf_export_meeting[HF_EXPORT_MEETING_SECTIONS]; /* meeting.c */

#endif
