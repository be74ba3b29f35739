/**
 * The C library, by FFI: the few calls sockbench needs and Bun does not offer. Linux only; elsewhere
 * `libc` is undefined, each caller has a plain answer for that case, and the record says what was missing.
 */
import { dlopen, FFIType } from "bun:ffi";

const { i32, u64, ptr, cstring, i64 } = FFIType;

function open() {
  if (process.platform !== "linux") return undefined;
  for (const name of ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"]) {
    try {
      return dlopen(name, {
        clock_gettime: { args: [i32, ptr], returns: i32 },
        getsockopt: { args: [i32, i32, i32, ptr, ptr], returns: i32 },
        setsockopt: { args: [i32, i32, i32, ptr, i32], returns: i32 },
        sched_setaffinity: { args: [i32, u64, ptr], returns: i32 },
        sched_getaffinity: { args: [i32, u64, ptr], returns: i32 },
        socket: { args: [i32, i32, i32], returns: i32 },
        bind: { args: [i32, ptr, i32], returns: i32 },
        connect: { args: [i32, ptr, i32], returns: i32 },
        getsockname: { args: [i32, ptr, ptr], returns: i32 },
        getpeername: { args: [i32, ptr, ptr], returns: i32 },
        inet_pton: { args: [i32, ptr, ptr], returns: i32 },
        shutdown: { args: [i32, i32], returns: i32 },
        recv: { args: [i32, ptr, u64, i32], returns: i64 },
        recvmsg: { args: [i32, ptr, i32], returns: i64 },
        sendmmsg: { args: [i32, ptr, i32, i32], returns: i32 },
        send: { args: [i32, ptr, u64, i32], returns: i64 },
        close: { args: [i32], returns: i32 },
        epoll_ctl: { args: [i32, i32, i32, ptr], returns: i32 },
        setrlimit: { args: [i32, ptr], returns: i32 },
        epoll_create1: { args: [i32], returns: i32 },
        epoll_wait: { args: [i32, ptr, i32, i32], returns: i32 },
        flock: { args: [i32, i32], returns: i32 },
        strerror: { args: [i32], returns: cstring },
        __errno_location: { args: [], returns: ptr },
      }).symbols;
    } catch {}
  }
  return undefined;
}

/** The C library's symbols, or undefined where there is none that we know. */
export const libc = open();
