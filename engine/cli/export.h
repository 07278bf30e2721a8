/* What may be exported: a month's tables, each with its title. */
#ifndef HF_CLI_EXPORT_H
#define HF_CLI_EXPORT_H

struct hf_export_section {
  const char *title; /* NULL: the only one */
  const char *sql;   /* $1: the month, China's; its columns' names are the headings */
};

#define HF_EXPORT_MEETING_SECTIONS 6
extern const struct hf_export_section hf_export_meeting[HF_EXPORT_MEETING_SECTIONS]; /* meeting.c */

#endif
