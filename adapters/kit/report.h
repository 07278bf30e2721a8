/* Report: what the kit found, as HTML for people, JSON and JUnit for machines; the JSON is signed by the centre's key. */
#ifndef HF_KIT_REPORT_H
#define HF_KIT_REPORT_H

#include "adapters/kit/kit.h"

enum kit_outcome { KIT_PASSED, KIT_FAILED, KIT_LEFT_OUT };

struct kit_finding {
  const struct kit_case *about;
  enum kit_outcome outcome;
  char why[KIT_WHY_MAX];
  double seconds;
};

/* Writes report.json, report.json.sig, report.html, report.xml into folder. False, after having said why. */
bool kit_report(struct kit *kit, const char *folder, const struct kit_finding *findings, int count);

#endif
