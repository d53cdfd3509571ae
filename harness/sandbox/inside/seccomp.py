"""seccomp: which system calls a candidate may make at all.

What computing in one process needs is allowed, what only an attack would try
kills the process at once, and everything else answers EPERM. One table per
architecture; the numbers are the kernel's own (asm/unistd_64.h and
asm-generic/unistd.h).
"""

import ctypes
import errno
import struct
from functools import lru_cache

from . import linux

AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

ALLOWED = {
    "x86_64": """
        read=0 write=1 close=3 fstat=5 newfstatat=262 stat=4 lstat=6 statx=332 lseek=8
        mmap=9 mprotect=10 munmap=11 brk=12 rt_sigaction=13 rt_sigprocmask=14
        rt_sigreturn=15 sigaltstack=131 pread64=17 pwrite64=18 readv=19 writev=20
        access=21 faccessat=269 faccessat2=439 pipe=22 pipe2=293 select=23 pselect6=270
        poll=7 ppoll=271 sched_yield=24 mremap=25 msync=26 mincore=27 madvise=28 dup=32
        dup2=33 dup3=292 nanosleep=35 clock_nanosleep=230 clock_gettime=228
        clock_getres=229 gettimeofday=96 getpid=39 gettid=186 getppid=110 exit=60
        exit_group=231 uname=63 fsync=74 fdatasync=75 ftruncate=77 getdents64=217
        getcwd=79 chdir=80 fchdir=81
        readlink=89 readlinkat=267 umask=95 getrlimit=97 getrusage=98 sysinfo=99
        times=100 getuid=102 getgid=104 geteuid=107 getegid=108 getresuid=118
        getresgid=120 getpgrp=111 getpgid=121 getsid=124 statfs=137 fstatfs=138
        arch_prctl=158 futex=202 futex_waitv=449 sched_getaffinity=204
        set_tid_address=218 restart_syscall=219 fadvise64=221 epoll_create1=291
        epoll_ctl=233 epoll_wait=232 epoll_pwait=281 eventfd2=290 set_robust_list=273
        get_robust_list=274 getrandom=318 membarrier=324 rseq=334 sched_getparam=143
        sched_getscheduler=145 sched_get_priority_max=146 sched_get_priority_min=147
        rt_sigtimedwait=128 rt_sigpending=127 alarm=37 setitimer=38 getitimer=36
        close_range=436 copy_file_range=326 getcpu=309 wait4=61 waitid=247
    """,
    "aarch64": """
        read=63 write=64 close=57 fstat=80 newfstatat=79 statx=291 lseek=62 mmap=222
        mprotect=226 munmap=215 brk=214 rt_sigaction=134 rt_sigprocmask=135
        rt_sigreturn=139 sigaltstack=132 pread64=67 pwrite64=68 readv=65 writev=66
        faccessat=48 faccessat2=439 pipe2=59 pselect6=72 ppoll=73 sched_yield=124
        mremap=216 msync=227 mincore=232 madvise=233 dup=23 dup3=24 nanosleep=101
        clock_nanosleep=115 clock_gettime=113 clock_getres=114 gettimeofday=169
        getpid=172 gettid=178 getppid=173 exit=93 exit_group=94 uname=160 fsync=82
        fdatasync=83 ftruncate=46 getdents64=61 getcwd=17 chdir=49 fchdir=50 readlinkat=78
        umask=166 getrusage=165 sysinfo=179 times=153 getuid=174 getgid=176 geteuid=175
        getegid=177 getresuid=148 getresgid=150 getpgid=155 getsid=156 statfs=43
        fstatfs=44 futex=98 futex_waitv=449 sched_getaffinity=123 set_tid_address=96
        restart_syscall=128 fadvise64=223 epoll_create1=20 epoll_ctl=21 epoll_pwait=22
        eventfd2=19 set_robust_list=99 get_robust_list=100 getrandom=278 membarrier=283
        rseq=293 sched_getparam=121 sched_getscheduler=120 sched_get_priority_max=125
        sched_get_priority_min=126 rt_sigtimedwait=137 rt_sigpending=136 setitimer=103
        getitimer=102 close_range=436 copy_file_range=285 getcpu=168 wait4=260 waitid=95
    """,
}
KILLED = {
    "x86_64": """
        ptrace=101 process_vm_readv=310 process_vm_writev=311 mount=165 umount2=166
        pivot_root=155 chroot=161 unshare=272 setns=308 bpf=321 perf_event_open=298
        keyctl=250 add_key=248 request_key=249 kexec_load=246 kexec_file_load=320
        init_module=175 finit_module=313 delete_module=176 reboot=169 swapon=167
        swapoff=168 userfaultfd=323 io_uring_setup=425 io_uring_enter=426
        io_uring_register=427 open_by_handle_at=304 name_to_handle_at=303
        pidfd_getfd=438 process_madvise=440 fsopen=430 fsmount=432 move_mount=429
        open_tree=428 mount_setattr=442 iopl=172 ioperm=173 personality=135 acct=163
        quotactl=179 setuid=105 setgid=106 setreuid=113 setregid=114 setresuid=117
        setresgid=119 setgroups=116 capset=126
    """,
    "aarch64": """
        ptrace=117 process_vm_readv=270 process_vm_writev=271 mount=40 umount2=39
        pivot_root=41 chroot=51 unshare=97 setns=268 bpf=280 perf_event_open=241
        keyctl=219 add_key=217 request_key=218 kexec_load=104 kexec_file_load=294
        init_module=105 finit_module=273 delete_module=106 reboot=142 swapon=224
        swapoff=225 userfaultfd=282 io_uring_setup=425 io_uring_enter=426
        io_uring_register=427 open_by_handle_at=265 name_to_handle_at=264
        pidfd_getfd=438 process_madvise=440 fsopen=430 fsmount=432 move_mount=429
        open_tree=428 mount_setattr=442 personality=92 acct=89 quotactl=60 setuid=146
        setgid=144 setreuid=145 setregid=143 setresuid=147 setresgid=149 setgroups=159
        capset=91
    """,
}
CONDITIONAL = {
    "x86_64": """
        kill=62 tkill=200 tgkill=234 clone=56 clone3=435 ioctl=16 prlimit64=302
        prctl=157 fcntl=72 open=2 openat=257
    """,
    "aarch64": """
        kill=129 tkill=130 tgkill=131 clone=220 clone3=435 ioctl=29 prlimit64=261
        prctl=167 fcntl=25 openat=56
    """,
}
# Allowed only where the candidate has a folder of its own.
CHANGES = {
    "x86_64": """
        rename=82 renameat=264 renameat2=316 mkdir=83 mkdirat=258 rmdir=84 unlink=87
        unlinkat=263
    """,
    "aarch64": "renameat2=276 mkdirat=34 unlinkat=35",
}

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, JUMP_EQUAL, JUMP_SET, JUMP_GREATER_EQUAL, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
NUMBER, ARCH = 0, 4  # offsets in struct seccomp_data
X32_BIT = 0x40000000
CLONE_THREAD = 0x00010000
SAFE_IOCTLS = (0x5401, 0x541B, 0x5451, 0x5421)  # TCGETS, FIONREAD, FIOCLEX, FIONBIO
# Copies, flags and locks; not F_SETOWN and F_SETSIG, with which the kernel sends any signal to
# any process of the same user, nor F_SETPIPE_SZ, with which a pipe holds a megabyte.
SAFE_FCNTLS = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032)
SAFE_PRCTLS = (15, 16, 3, 0x53564D41)  # set and get name, get dumpable, name a mapping
SECCOMP_SET_MODE_FILTER = 1


def _argument(index: int) -> int:
    return 16 + 8 * index


def numbers(table: dict[str, str]) -> dict[str, int]:
    """One of the tables above for this machine's architecture."""
    pairs = (entry.split("=") for entry in table[linux.machine()].split())
    return {name: int(number) for name, number in pairs}


class Program:
    """A classic BPF program in the making."""

    def __init__(self) -> None:
        self.instructions: list[tuple[int, int, int, int]] = []

    def emit(self, code: int, value: int, if_true: int = 0, if_false: int = 0) -> None:
        self.instructions.append((code, if_true, if_false, value))

    def when(self, number: int, action: int) -> None:
        """Answer ``action`` for system call ``number``."""
        self.emit(JUMP_EQUAL, number, 0, 1)
        self.emit(RETURN, action)

    def when_argument_in(
        self, number: int, argument: int, allowed: tuple[int, ...], otherwise: int
    ) -> None:
        """Allow ``number`` only where the low word of ``argument`` is one of ``allowed``."""
        self.emit(JUMP_EQUAL, number, 0, len(allowed) + 3)
        self.emit(LOAD, _argument(argument))
        for position, value in enumerate(allowed):
            self.emit(JUMP_EQUAL, value, len(allowed) - position, 0)
        self.emit(RETURN, otherwise)
        self.emit(RETURN, ALLOW)

    def unless_argument_has(self, number: int, argument: int, bits: int, action: int) -> None:
        """Allow ``number`` unless the low word of ``argument`` has one of ``bits``."""
        self.emit(JUMP_EQUAL, number, 0, 4)
        self.emit(LOAD, _argument(argument))
        self.emit(JUMP_SET, bits, 0, 1)
        self.emit(RETURN, action)
        self.emit(RETURN, ALLOW)

    def assemble(self) -> bytes:
        return b"".join(
            struct.pack("HBBI", code, if_true, if_false, value)
            for code, if_true, if_false, value in self.instructions
        )


@lru_cache(maxsize=1)
def program(*, own_pid: int | None = None, has_folder: bool = True, denied_open: int = 0) -> bytes:
    """The filter.

    With ``own_pid`` a process may signal nobody but itself: for kernels or
    tiers where neither a pid namespace nor Landlock keeps signals in. Without
    ``has_folder`` it may make, move and remove nothing. It may open no file
    with one of the flags ``denied_open``.
    """
    special = numbers(CONDITIONAL)
    denied = ERRNO | errno.EPERM
    p = Program()
    p.emit(LOAD, ARCH)
    p.emit(JUMP_EQUAL, AUDIT_ARCH[linux.machine()], 1, 0)
    p.emit(RETURN, KILL)
    p.emit(LOAD, NUMBER)
    if linux.machine() == "x86_64":
        p.emit(JUMP_GREATER_EQUAL, X32_BIT, 0, 1)
        p.emit(RETURN, KILL)
    for number in numbers(ALLOWED).values():
        p.when(number, ALLOW)
    for number in numbers(CHANGES).values() if has_folder else ():
        p.when(number, ALLOW)
    for name, flags in (("openat", 2), ("open", 1)):
        if name in special:
            p.unless_argument_has(special[name], flags, denied_open, denied)
    for name in ("kill", "tgkill", "tkill"):
        if own_pid is None:
            p.when(special[name], ALLOW)
        elif name == "tkill":
            p.when(special[name], denied)
        else:
            p.when_argument_in(special[name], 0, (own_pid,), denied)
    p.when(special["clone3"], ERRNO | errno.ENOSYS)  # libc then falls back to clone
    p.emit(JUMP_EQUAL, special["clone"], 0, 4)
    p.emit(LOAD, _argument(0))
    p.emit(JUMP_SET, CLONE_THREAD, 0, 1)
    p.emit(RETURN, ALLOW)
    p.emit(RETURN, denied)
    p.when_argument_in(special["ioctl"], 1, SAFE_IOCTLS, ERRNO | errno.ENOTTY)
    p.when_argument_in(special["prctl"], 0, SAFE_PRCTLS, denied)
    p.when_argument_in(special["fcntl"], 1, SAFE_FCNTLS, denied)
    # prlimit64 may read limits (its third argument, a 64-bit pointer, is null) but not set them.
    p.emit(JUMP_EQUAL, special["prlimit64"], 0, 6)
    p.emit(LOAD, _argument(2))
    p.emit(JUMP_EQUAL, 0, 0, 3)
    p.emit(LOAD, _argument(2) + 4)
    p.emit(JUMP_EQUAL, 0, 0, 1)
    p.emit(RETURN, ALLOW)
    p.emit(RETURN, denied)
    for number in numbers(KILLED).values():
        p.when(number, KILL)
    p.emit(RETURN, denied)
    return p.assemble()


class _Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


def install(code: bytes) -> None:
    """Put the filter in force for good; needs ``no_new_privs``."""
    buffer = ctypes.create_string_buffer(code, len(code))
    filter_ = _Filter(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    linux.syscall("seccomp", SECCOMP_SET_MODE_FILTER, 0, ctypes.byref(filter_))
