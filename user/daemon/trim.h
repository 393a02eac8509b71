/* SPDX-License-Identifier: GPL-2.0 */
/* Gives back the memory that only the start has needed. */
#ifndef SHUNT_DAEMON_TRIM_H
#define SHUNT_DAEMON_TRIM_H

/*
 * Lets go of pages of the program and of its libraries, as of the tables by which they were
 * linked and of the BPF objects that have been loaded: what is used again is read again from
 * the file.  And of free memory at the heap's end.  To be called while /proc/self may be read;
 * where it cannot be, nothing is given back.
 */
void trim_memory(void);

#endif
