/* What stands in every evidence archive beside the facts: files of the source tree, as bytes. */
#ifndef HF_CLI_EVIDENCE_H
#define HF_CLI_EVIDENCE_H

#include <stddef.h>

extern const unsigned char hf_file_readme[], hf_file_verifier[];
extern const size_t hf_file_readme_size, hf_file_verifier_size;

#endif
