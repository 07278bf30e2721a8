#include "engine/daemon/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_SIZE_MAX (4u << 20)

bool hf_yaml_fail(struct hf_yaml *yaml, int line, const char *format, ...)
{
  if (yaml->error[0] != '\0') return false;
  int used = snprintf(yaml->error, sizeof yaml->error, "%s:%d: ", yaml->file, line);
  va_list list;
  va_start(list, format);
  vsnprintf(yaml->error + used, sizeof yaml->error - (size_t)used, format, list);
  va_end(list);
  return false;
}

bool hf_yaml_open(struct hf_yaml *yaml, const char *file)
{
  memset(yaml, 0, sizeof *yaml);
  yaml->file = strcmp(file, "-") == 0 ? "(standard input)" : file;
  FILE *in = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
  if (in == NULL) return hf_yaml_fail(yaml, 0, "cannot be opened: %m");
  char *text = malloc(FILE_SIZE_MAX + 1);
  size_t size = text == NULL ? 0 : fread(text, 1, FILE_SIZE_MAX + 1, in);
  if (in != stdin) fclose(in);
  if (size > FILE_SIZE_MAX) hf_yaml_fail(yaml, 0, "is larger than 4 MiB");
  yaml_parser_t parser;
  if (yaml->error[0] == '\0' && yaml_parser_initialize(&parser)) {
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    yaml->loaded = yaml_parser_load(&parser, &yaml->document) == 1;
    if (!yaml->loaded)
      hf_yaml_fail(yaml, (int)parser.problem_mark.line + 1, "%s", parser.problem ? parser.problem : "not YAML");
    yaml_parser_delete(&parser);
  }
  free(text);
  if (yaml->loaded && hf_yaml_root(yaml) == NULL) return hf_yaml_fail(yaml, 1, "is empty");
  return yaml->loaded;
}

void hf_yaml_close(struct hf_yaml *yaml)
{
  if (yaml->loaded) yaml_document_delete(&yaml->document);
  yaml->loaded = false;
}

yaml_node_t *hf_yaml_root(struct hf_yaml *yaml)
{
  return yaml_document_get_root_node(&yaml->document);
}

int hf_yaml_line(const yaml_node_t *node)
{
  return node == NULL ? 0 : (int)node->start_mark.line + 1;
}

const char *hf_yaml_text(const yaml_node_t *node)
{
  return node != NULL && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

yaml_node_t *hf_yaml_get(struct hf_yaml *yaml, yaml_node_t *mapping, const char *key)
{
  if (mapping == NULL || mapping->type != YAML_MAPPING_NODE) return NULL;
  for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start; pair < mapping->data.mapping.pairs.top; pair++) {
    const char *name = hf_yaml_text(yaml_document_get_node(&yaml->document, pair->key));
    if (name != NULL && strcmp(name, key) == 0) return yaml_document_get_node(&yaml->document, pair->value);
  }
  return NULL;
}

yaml_node_t *hf_yaml_item(struct hf_yaml *yaml, yaml_node_t *sequence, size_t i)
{
  if (sequence == NULL || sequence->type != YAML_SEQUENCE_NODE) return NULL;
  yaml_node_item_t *item = sequence->data.sequence.items.start + i;
  return item < sequence->data.sequence.items.top ? yaml_document_get_node(&yaml->document, *item) : NULL;
}

static void known_text(const char *const *known, char *text, size_t size)
{
  text[0] = '\0';
  for (; *known != NULL; known++) {
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", *known);
  }
}

bool hf_yaml_only(struct hf_yaml *yaml, yaml_node_t *mapping, const char *const *known)
{
  char names[400];
  if (mapping->type != YAML_MAPPING_NODE) return hf_yaml_fail(yaml, hf_yaml_line(mapping), "expected keys and values here");
  yaml_node_pair_t *first = mapping->data.mapping.pairs.start;
  for (yaml_node_pair_t *pair = first; pair < mapping->data.mapping.pairs.top; pair++) {
    const yaml_node_t *key = yaml_document_get_node(&yaml->document, pair->key);
    const char *name = hf_yaml_text(key);
    bool found = false;
    for (size_t i = 0; name != NULL && known[i] != NULL; i++) found |= strcmp(known[i], name) == 0;
    known_text(known, names, sizeof names);
    if (!found)
      return hf_yaml_fail(yaml, hf_yaml_line(key), "key '%s' is not known here; known are: %s", name ? name : "?", names);
    for (yaml_node_pair_t *other = first; other < pair; other++)
      if (strcmp(hf_yaml_text(yaml_document_get_node(&yaml->document, other->key)), name) == 0)
        return hf_yaml_fail(yaml, hf_yaml_line(key), "key '%s' stands here twice", name);
  }
  return true;
}
