#include "lurus/secret.hpp"

#include <openssl/crypto.h>

namespace lurus {

Secret::~Secret() {
    OPENSSL_cleanse(value_.data(), value_.size());
}

std::string Secret::masked() const {
    if (value_.size() < 16) return "…";
    return value_.substr(0, 4) + "…" + value_.substr(value_.size() - 4);
}

}  // namespace lurus
