#include <weft/io/transfer_side.hpp>

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace weft::detail {
namespace {

// How many there are, 0 or 1; less: the disk would have to be asked, or it cannot be read like that.
ssize_t byte_in_memory(int fd, std::int64_t at) noexcept {
  char byte;
  const iovec one{&byte, 1};
  return ::preadv2(fd, &one, 1, at, RWF_NOWAIT);
}

bool appends(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  return flags >= 0 && (flags & O_APPEND) != 0;
}

// sendfile(2) and splice(2) have no flag that says so for one call.
int make_non_blocking(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  if ((flags & O_NONBLOCK) != 0) return 0;
  return ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 ? 0 : -errno;
}

}  // namespace

transfer_side::transfer_side(const io::transfer_end& of, role as) noexcept
    : stream_{of.stream_}, file_{of.file_}, fd_{of.fd_}, role_{as}, at_{of.at_} {}

transfer_side::~transfer_side() {
  if (!listed_) return;
  file_->end_use(user_);
  file_->leave();
}

outcome transfer_side::enter(deadline until) noexcept {
  outcome entered = 0;
  if (stream_ != nullptr) {
    entered = hold_.take(*stream_, role_ == role::source ? POLLIN : POLLOUT, until);
    if (entered >= 0) fd_ = stream_->native_handle();
  } else if (file_ != nullptr) {
    entered = enter_shared();
  }
  return entered < 0 ? entered : look();
}

outcome transfer_side::enter_shared() noexcept {
  if (!file_->enter()) return failure(errc::closed);
  if (!file_->begin_use(user_)) {
    file_->leave();
    return failure(errc::closed);
  }
  listed_ = true;
  fd_ = file_->native_handle();
  return 0;
}

outcome transfer_side::look() noexcept {
  struct stat status;
  if (::fstat(fd_, &status) != 0) return -errno;
  device_ = status.st_dev;
  inode_ = status.st_ino;
  size_ = static_cast<std::uint64_t>(status.st_size);
  if (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode)) kind_ = kind::stored;
  else if (S_ISFIFO(status.st_mode)) kind_ = kind::pipe;
  else if (S_ISSOCK(status.st_mode)) kind_ = kind::socket;
  if (S_ISBLK(status.st_mode)) {
    device_ = status.st_rdev;
    inode_ = 0;  // no file has that one
    if (::ioctl(fd_, BLKGETSIZE64, &size_) != 0) size_ = ~std::uint64_t{0};
  }
  if (at_ >= 0 && has_readiness()) return -ESPIPE;
  // The kernel would append, wherever it is told to write.
  if (at_ >= 0 && role_ == role::target && appends(fd_)) return -EINVAL;
  return kind_ == kind::socket ? make_non_blocking(fd_) : 0;
}

void transfer_side::doing(pending_operation* p) noexcept {
  hold_.doing(p);
  user_.doing = p;
}

const atomic<bool>* transfer_side::notice() const noexcept {
  if (stream_ != nullptr) return &hold_.told();
  return file_ != nullptr ? &user_.told : nullptr;
}

bool transfer_side::in_memory(std::size_t size) const noexcept {
  if (kind_ != kind::stored) return true;
  const std::int64_t at = place();
  if (at < 0) return true;  // the call itself will say what is wrong
  return byte_in_memory(fd_, at) >= 0 && byte_in_memory(fd_, at + static_cast<std::int64_t>(size) - 1) >= 0;
}

bool transfer_side::at_end() const noexcept {
  const std::int64_t at = place();
  return at >= 0 && byte_in_memory(fd_, at) == 0;
}

std::int64_t transfer_side::place() const noexcept { return at_ >= 0 ? at_ : ::lseek(fd_, 0, SEEK_CUR); }

outcome transfer_side::keep_apart(const transfer_side& source, const transfer_side& target,
                                  std::uint64_t& n) noexcept {
  if (source.device_ != target.device_ || source.inode_ != target.inode_) return 0;
  if (source.kind_ == kind::pipe && target.kind_ == kind::pipe) return -EINVAL;
  if (source.kind_ != kind::stored || target.kind_ != kind::stored || source.size_ == 0) return 0;
  const auto from = static_cast<std::uint64_t>(source.place());
  const std::uint64_t to = appends(target.fd_) ? target.size_ : static_cast<std::uint64_t>(target.place());
  n = std::min(n, from < source.size_ ? source.size_ - from : 0);
  return (from < to ? to - from : from - to) < n ? -EINVAL : 0;
}

}  // namespace weft::detail
