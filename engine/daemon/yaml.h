/*
 * Yaml: a document with line numbers, for configuration, registry files and reports.
 * Errors name file, line and key. Memory: the document's own, until hf_yaml_close.
 */
#ifndef HF_DAEMON_YAML_H
#define HF_DAEMON_YAML_H

#include <yaml.h>

#include "engine/base/status.h"

struct hf_yaml {
  const char *file;
  yaml_document_t document;
  bool loaded;
  char error[512]; /* the first one: "FILE:LINE: …" */
};

/* "-" is standard input. At most 4 MiB; aliases are refused. */
HF_MUST_USE bool hf_yaml_open(struct hf_yaml *yaml, const char *file);
void hf_yaml_close(struct hf_yaml *yaml);

yaml_node_t *hf_yaml_root(struct hf_yaml *yaml);
int hf_yaml_line(const yaml_node_t *node);
/* Value of a key of a mapping; NULL where there is none. */
yaml_node_t *hf_yaml_get(struct hf_yaml *yaml, yaml_node_t *mapping, const char *key);
/* Text of a scalar; NULL where node is none. */
const char *hf_yaml_text(const yaml_node_t *node);
/* The i-th item of a sequence; NULL past its end. */
yaml_node_t *hf_yaml_item(struct hf_yaml *yaml, yaml_node_t *sequence, size_t i);
/* Fails unless every key of mapping is in `known` (NULL-terminated), and each once. */
bool hf_yaml_only(struct hf_yaml *yaml, yaml_node_t *mapping, const char *const *known);
/* Notes the first error; returns false. */
bool hf_yaml_fail(struct hf_yaml *yaml, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
