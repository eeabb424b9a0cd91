#include "apps/token_file.hpp"

#include "ops/contract.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace lagrange::apps {

descriptor hold_token(const runtime::transport::job_token& token) {
  descriptor made(::memfd_create("lagrange-token", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const auto text = runtime::transport::to_text(token) + "\n";
  constexpr int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
  constexpr mode_t owner_alone = 0600;
  const auto size = static_cast<ssize_t>(text.size());
  if (!made || ::fchmod(made.get(), owner_alone) != 0 ||
      ::write(made.get(), text.data(), text.size()) != size ||
      ::fcntl(made.get(), F_ADD_SEALS, seals) != 0)
    throw ops::device_error(std::string("no file in memory for the job's token: ") +
                            std::strerror(errno));
  return made;
}

} // namespace lagrange::apps
