/* holdfastd: the engine. Exit codes: 0 stopped as asked, 2 wrong command line, 78 configuration, 70 anything else. */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "engine/base/log.h"
#include "engine/daemon/engine.h"

#define EXIT_USAGE 2
#define EXIT_SOFTWARE 70
#define EXIT_CONFIG 78

static int usage(FILE *out)
{
  fputs(
      "usage: holdfastd CONFIG.yaml\n"
      "       holdfastd --check-config CONFIG.yaml   tells file, line and key of what is wrong\n"
      "       holdfastd --config-reference           writes what may be configured\n"
      "       holdfastd --version | --help\n",
      out);
  return out == stdout ? 0 : EXIT_USAGE;
}

static void set_log_level(const char *name)
{
  static const char *const names[] = {"", "debug", "info", "warn", "alarm"};
  for (int i = HF_LOG_DEBUG; i <= HF_LOG_ALARM; i++)
    if (strcmp(names[i], name) == 0) hf_log_level_set((enum hf_log_level)i);
}

static int run(const struct hf_config *config)
{
  struct hf_engine *engine = NULL;
  /* Keys and account numbers are in this process: no core file, no reading by other processes of the user. */
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
#ifndef __SANITIZE_ADDRESS__ /* its leak check has to look into the process */
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
  hf_time_steady();
  set_log_level(config->log_level);
  struct hf_status status = hf_engine_open(&engine, config);
  int code = EXIT_SOFTWARE;
  if (hf_is_ok(status)) {
    code = hf_engine_run(engine);
  } else {
    fprintf(stderr, "holdfastd: cannot start: %s\n", status.why);
    if (status.kind == HF_STATUS_CONFIG) code = EXIT_CONFIG;
  }
  hf_engine_close(engine);
  return code;
}

int main(int argc, char **argv)
{
  struct hf_config config;
  char error[640];
  if (argc == 2 && strcmp(argv[1], "--help") == 0) return usage(stdout);
  if (argc == 2 && strcmp(argv[1], "--version") == 0) return puts("holdfastd " HF_VERSION) < 0;
  if (argc == 2 && strcmp(argv[1], "--config-reference") == 0) {
    hf_config_write_reference(stdout);
    return 0;
  }
  bool check = argc == 3 && strcmp(argv[1], "--check-config") == 0;
  if (!check && (argc != 2 || argv[1][0] == '-')) return usage(stderr);
  if (!hf_config_read(argv[argc - 1], &config, error, sizeof error)) {
    fprintf(stderr, "holdfastd: %s\n", error);
    return EXIT_CONFIG;
  }
  if (check) return puts("the configuration is right") < 0;
  return run(&config);
}
