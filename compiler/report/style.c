// SPDX-License-Identifier: GPL-2.0-or-later
//
// The style sheet, as the build makes a string of it.
#include "report/page.h"

const char report_style[] =
#include "report/style.inc"
    ;
