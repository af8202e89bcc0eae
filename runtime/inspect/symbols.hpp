// From code addresses to the names of functions, for reports: static functions too.
//
// dladdr() knows only what a program exports. So the symbol table of each module that an address lies in is
// read from its file (.symtab; .dynsym if that was stripped), once per symbolizer. The program's own file is
// read as /proc/self/exe, which is what runs even if the path is another file by now; a library that was
// replaced since it was loaded may give wrong names. Names are demangled. There are no line numbers: for
// those each place has what addr2line -e wants, a path and an offset.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace weft {

/// What code is at an address.
struct code_place {
  std::string function;              // demangled; empty: nobody knows
  std::uintptr_t into_function = 0;  // bytes from its beginning
  std::string module;                // path of the program or library; empty: none
  std::uintptr_t offset = 0;         // in the module, as addr2line -e takes it

  /// "weft::event::wait_slow(weft::deadline) +0x1f (/usr/bin/program+0x1234)".
  std::string text() const;
};

/// Remembers what it has read while it lives. Not for several threads at once.
class symbolizer {
 public:
  symbolizer();
  symbolizer(const symbolizer&) = delete;
  symbolizer& operator=(const symbolizer&) = delete;
  ~symbolizer();

  /// The code at `address`. For a return address pass one less: the call, not what follows it.
  ///
  /// Blocks     on reading a file, the first time in each module: tens of milliseconds for a large one.
  /// Safe from  any thread with room on its stack; in a fiber under on_thread_stack(). Not a signal handler.
  const code_place& find(std::uintptr_t address);

 private:
  class module_symbols;

  std::unordered_map<std::uintptr_t, code_place> known_;
  std::map<std::string, std::unique_ptr<module_symbols>, std::less<>> modules_;
};

}  // namespace weft
