#include "adapters/banksim/order.h"

#include <stdio.h>
#include <string.h>

const char *order_text(const json_t *object, const char *key)
{
  const char *text = json_string_value(json_object_get(object, key));
  return text == NULL ? "" : text;
}

void order_set_id(json_t *order, const char *key, const char *hex)
{
  char text[40];
  if (strlen(hex) != 32) return;
  snprintf(text, sizeof text, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
  json_object_set_new(order, key, json_string(text));
}
