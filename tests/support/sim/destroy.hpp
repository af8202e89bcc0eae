// The end of an object while others may still be about to touch it, which they must not.
#pragma once

#include <cstring>
#include <memory>
#include <new>

namespace weft {

/// Destroys it and spoils its memory: what lies there then says nothing that a T would understand.
template <class T>
void destroy_and_spoil(std::unique_ptr<T> owned) {
  T* const gone = owned.release();
  std::destroy_at(gone);
  std::memset(static_cast<void*>(gone), 0xdd, sizeof *gone);
  if constexpr (alignof(T) > __STDCPP_DEFAULT_NEW_ALIGNMENT__) {
    ::operator delete(gone, std::align_val_t{alignof(T)});
  } else {
    ::operator delete(gone);
  }
}

}  // namespace weft
