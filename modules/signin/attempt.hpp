#pragma once
// A try at somebody's credentials: counted as failed for the account and for the address until it ends well.

#include <algorithm>
#include <string>

#include "core/http/problem.hpp"
#include "modules/signin/service.hpp"

namespace lurus::signin {

class SignInService::SignInAttempt {
public:
    SignInAttempt(SignInService& service, const ApiRequest& request, const std::string& email)
        : service_(service), account_("account " + email), address_(throttle_address(request.remote_address)) {
        const std::int64_t now = service.clock_.monotonic_us();
        if (!address_.empty()) wait_ = service_.addresses_.begin(address_, now);
        if (wait_ == 0) {
            wait_ = service_.accounts_.begin(account_, now);
            if (wait_ != 0) service_.addresses_.forgive(address_);
        }
    }

    /// Set: too many failures. The same whether there is such an account or not.
    [[nodiscard]] std::optional<ApiResponse> refusal() const {
        if (wait_ == 0) return std::nullopt;
        const auto seconds = std::to_string((wait_ + 999'999) / 1'000'000);
        ApiResponse response = problem(429, "too many failed tries; the next is judged in " + seconds + " s");
        response.headers.emplace_back("retry-after", seconds);
        return response;
    }
    void succeeded() {
        service_.accounts_.succeed(account_);
        // Its own count and one more: an office behind one address has more people who know their password.
        service_.addresses_.forgive(address_, 2);
    }
    /// It could not be judged.
    void undecided() {
        service_.accounts_.forgive(account_);
        service_.addresses_.forgive(address_);
    }

private:
    SignInService& service_;
    std::string account_, address_;
    std::int64_t wait_ = 0;
};

}  // namespace lurus::signin
