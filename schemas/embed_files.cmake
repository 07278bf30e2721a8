# Writes OUT: each of FILES as a byte array and its size, by NAMES: hf_file_NAME, hf_file_NAME_size.
set(text "#include <stddef.h>\n#include \"engine/cli/evidence.h\"\n")
foreach(file name IN ZIP_LISTS FILES NAMES)
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND text "const unsigned char hf_file_${name}[] = {${bytes}0};\nconst size_t hf_file_${name}_size = sizeof hf_file_${name} - 1;\n")
endforeach()
file(WRITE ${OUT} "${text}")
