/* Kill points: named places where a test lets the process die or stop, as power loss would have it.
 *
 * EISO_FAULT="name" (or "name:3" for the third time it is reached) in the environment makes
 * FAULT("name") raise SIGKILL; "name=pause" raises SIGSTOP instead. Compiled in only with
 * -DEISO_FAULTS=ON; in a release build FAULT is nothing at all. */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#ifdef EISO_FAULTS
void fault_point(const char *name);
#define FAULT(name) fault_point(name)
#else
#define FAULT(name) ((void)0)
#endif

#endif
