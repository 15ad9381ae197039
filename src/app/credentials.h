// From the settings to what the operations ask.
#pragma once

#include "api/credentials.h"
#include "config/config.h"

namespace rstmdb::app {

api::Credentials credentials_of(const config::Config::Auth& auth);

}  // namespace rstmdb::app
