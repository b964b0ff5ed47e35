/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is this build watched by a sanitizer? Those trace their own process, start others, and use
 * system calls as they please. */
#ifndef OPS_SANITIZER_H
#define OPS_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif
#ifndef UNDER_SANITIZER
#define UNDER_SANITIZER 0
#endif

#endif
