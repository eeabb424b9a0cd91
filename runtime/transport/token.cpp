// The job's token as a person and a file have it: 64 hexadecimal digits.
#include "runtime/transport/proof.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

namespace lagrange::runtime::transport {

namespace {

constexpr std::string_view digits = "0123456789abcdef";
constexpr std::size_t digits_count = 2 * std::tuple_size_v<job_token>;

std::optional<std::uint8_t> digit_value(char digit) {
  const auto at = digits.find(digit >= 'A' && digit <= 'F' ? digit - 'A' + 'a' : digit);
  if (at == digits.npos) return std::nullopt;
  return static_cast<std::uint8_t>(at);
}

std::optional<job_token> parse_token(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.size() != digits_count) return std::nullopt;
  job_token token{};
  for (std::size_t i = 0; i < token.size(); ++i) {
    const auto high = digit_value(text[2 * i]);
    const auto low = digit_value(text[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    token[i] = static_cast<std::byte>(*high << 4 | *low);
  }
  return token;
}

} // namespace

job_token draw_token() {
  job_token token{};
  draw(token);
  return token;
}

std::string to_text(const job_token& token) {
  std::string text;
  for (const auto byte : token) {
    text += digits[std::to_integer<std::size_t>(byte >> 4)];
    text += digits[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return text;
}

result<job_token> read_token(const std::filesystem::path& file) {
  const auto refuse = [&](std::string_view why) {
    return failure(errc::bad_file, fmt::format("{}: {}", file.string(), why));
  };
  const descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat facts {};
  if (!opened || ::fstat(opened.get(), &facts) != 0) return refuse(std::strerror(errno));
  if (!S_ISREG(facts.st_mode)) return refuse("not a file, expected one that holds a job's token");
  constexpr mode_t others = 077;
  if ((facts.st_mode & others) != 0)
    return refuse("other users may open it, and whoever knows the token may join the job; "
                  "chmod 600 makes it yours alone");
  char bytes[digits_count + 3]; // a line end of two characters, and one to see that it goes on
  const auto count = ::read(opened.get(), bytes, sizeof bytes);
  if (count < 0) return refuse(std::strerror(errno));
  const auto token = parse_token(std::string_view(bytes, static_cast<std::size_t>(count)));
  if (!token)
    return refuse("no token, expected 64 hexadecimal digits and a line end, as "
                  "`openssl rand -hex 32` prints them");
  return *token;
}

} // namespace lagrange::runtime::transport
