// SPDX-License-Identifier: GPL-2.0-or-later
//
// The one way out that no caller can handle.
#pragma once

// Says that memory ran out and exits with the code for a failed world (EXIT_WORLD).
_Noreturn void fatal_no_memory(void);
