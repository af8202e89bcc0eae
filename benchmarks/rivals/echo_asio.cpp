// Boost.Asio as its users write it: a session that keeps itself alive, async_read_some and async_write by
// turns, one thread, which the io_context is told of, so that it takes no locks.
//
//   echo_asio PORT
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include <boost/asio.hpp>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

class session : public std::enable_shared_from_this<session> {
 public:
  explicit session(tcp::socket s) : socket_{std::move(s)} {}

  void read() {
    socket_.async_read_some(asio::buffer(bytes_),
                            [self = shared_from_this()](boost::system::error_code failed, std::size_t n) {
                              if (!failed) self->write(n);
                            });
  }

 private:
  void write(std::size_t n) {
    asio::async_write(socket_, asio::buffer(bytes_, n),
                      [self = shared_from_this()](boost::system::error_code failed, std::size_t) {
                        if (!failed) self->read();
                      });
  }

  tcp::socket socket_;
  std::array<char, 16384> bytes_;
};

void accept(tcp::acceptor& at) {
  at.async_accept([&at](boost::system::error_code failed, tcp::socket s) {
    if (!failed) {
      s.set_option(tcp::no_delay{true});
      std::make_shared<session>(std::move(s))->read();
    }
    accept(at);
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: echo_asio PORT\n", stderr), 2;
  asio::io_context io{1};
  const tcp::endpoint at{asio::ip::address_v4::loopback(), static_cast<unsigned short>(std::atoi(argv[1]))};
  tcp::acceptor acceptor{io};
  acceptor.open(at.protocol());
  acceptor.set_option(tcp::acceptor::reuse_address{true});
  acceptor.bind(at);
  acceptor.listen(4096);
  accept(acceptor);
  io.run();
}
