"""gdb's view of weft's fibers, in a live process and in a core file, with or without debug information.

    info fibers                  all fibers: who, what they wait for, on which worker, where they were spawned
    fiber 17 bt                  the backtrace of fiber 17
    fiber apply all bt           of all of them; also: fiber apply 3 17 bt

Loaded by `source weft.py`, or by itself beside an installed libweft.so where gdb's auto-load safe-path allows
it. Core files come from abort() or a crash under `ulimit -c unlimited`: gcore does not read past the guards
of stacks.

How: weft_debugger_table (runtime/inspect/debugger_table.cpp) says where the control blocks are and what lies
where in them. A backtrace is gdb's own: while a fiber is looked at, an unwinder says that the innermost frame
of the current thread was called from where the fiber is suspended.
"""
import gdb
import gdb.unwinder

MAGIC = 0x3174666577676462
WORDS = ('magic words blocks block_bytes first_region slab_blocks next_region slab_bytes first_slab '
         'carved_slabs state home id site name named level stack_size stack where why waiting running index '
         'boost jump_pc jump_frame jump_base jump_bytes reasons reasons_count outcome').split()
NAME_BYTES = 32
USABLE = (4 << 10, 12 << 10, 48 << 10, 240 << 10, 1008 << 10)  # bytes of a stack, by class: stack_class.hpp
STARTED, UNSTARTED = 2, 1
OUTCOME_MASK, PENDING = 3, 0  # of a wait: parker.hpp

# Of a processor: the names of the registers, and the instructions with which clang's code goes on.
PROCESSORS = {
    'i386:x86-64': ('rip', 'rsp', 'rbp', 'rbx', b'\xf3\x0f\x1e\xfa', b'\x48\x8b\x72\x10'),
    'aarch64': ('pc', 'sp', 'x29', 'x19', b'\x9f\x24\x03\xd5', b'\x20\x08\x40\xf9'),
}


def read(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def word(address):
    return int.from_bytes(read(address, 8), 'little')


def text(address, most=4096):
    """The C string there; what can be read of it."""
    out = b''
    while address and len(out) < most:
        try:
            byte = read(address + len(out), 1)
        except gdb.MemoryError:
            break
        if byte == b'\0':
            break
        out += byte
    return out.decode(errors='replace')


def table_address():
    try:
        return int(gdb.parse_and_eval('(unsigned long)&weft_debugger_table'))
    except gdb.error:
        pass
    # No symbols: the section is still there.
    for line in gdb.execute('info files', to_string=True).splitlines():
        parts = line.split()
        if len(parts) >= 5 and parts[3:5] == ['is', 'weft_debugger']:
            return int(parts[0], 16)
    raise gdb.GdbError('no weft in this program')


class Registers:
    def __init__(self, pc, sp, frame, base):
        self.pc, self.sp, self.frame, self.base = pc, sp, frame, base


class Fiber:
    def __init__(self, layout, address, block):
        def number(offset, size):
            return int.from_bytes(block[offset:offset + size], 'little')

        self.layout = layout
        self.address = address
        self.id = number(layout.id, 8)
        self.state = number(layout.state, 1)
        self.home = number(layout.home, 8)
        self.level = number(layout.level, 1)
        self.stack_class = number(layout.stack_size, 1)
        self.stack = number(layout.stack, 8)
        self.where = layout.where
        self.context = [number(layout.where + 8 * i, 8) for i in range(3)]
        # A wait that has ended is forgotten only when the fiber runs again.
        parked = number(layout.waiting, 8) and number(layout.outcome, 4) & OUTCOME_MASK == PENDING
        self.reason = number(layout.why, 1) if parked else 0
        name = block[layout.name:layout.name + NAME_BYTES].split(b'\0')[0]
        self.name = name.decode(errors='replace') if number(layout.named, 1) else ''
        self.site = number(layout.site, 8)
        self.running = bool(self.home) and word(self.home + layout.running) == address

    def worker(self):
        return int.from_bytes(read(self.home + self.layout.index, 4), 'little') if self.home else None

    def doing(self):
        if self.state == UNSTARTED:
            return 'unstarted'
        if self.running:
            return 'running'
        return 'waits for ' + self.layout.reason(self.reason) if self.reason else 'ready'

    def spawned_at(self):
        if not self.site:
            return '?'
        file, function = word(self.site), word(self.site + 8)
        line = int.from_bytes(read(self.site + 16, 4), 'little')
        return '%s:%d in %s' % (text(file), line, text(function))

    def title(self):
        return 'fiber %d' % self.id + (' "%s"' % self.name if self.name else '')

    def registers(self):
        """Where it goes on: runtime/inspect/unwind.cpp does the same."""
        layout = self.layout
        if layout.boost:
            sp = self.context[0]
            return Registers(word(sp + layout.jump_pc), sp + layout.jump_bytes, word(sp + layout.jump_frame),
                             word(sp + layout.jump_base))
        pc, sp, frame = self.context
        landing, indirect = processor()[4:]
        code = read(pc, 8)
        if code.startswith(landing):
            code = code[len(landing):]
        if code.startswith(indirect):
            return Registers(pc, sp, word(frame), word(frame + 8))
        return Registers(pc, sp, frame, 0)


class Layout:
    def __init__(self):
        address = table_address()
        for name, value in zip(WORDS, (word(address + 8 * i) for i in range(len(WORDS)))):
            setattr(self, name, value)
        if self.magic != MAGIC or self.words < len(WORDS):
            raise gdb.GdbError('no runtime of weft has run in this process')

    def reason(self, number):
        if number >= self.reasons_count:
            return '?'
        return read(word(self.reasons + 16 * number + 8), word(self.reasons + 16 * number)).decode()

    def fibers(self):
        """All that have not ended, by id."""
        found = []
        slab_blocks = word(self.blocks + self.slab_blocks)
        region = word(self.blocks + self.first_region)
        while region:
            slab_bytes = word(region + self.slab_bytes)
            for slab in range(word(region + self.first_slab), word(region + self.carved_slabs)):
                begin = region + slab * slab_bytes
                try:
                    memory = read(begin, slab_blocks * self.block_bytes)
                except gdb.MemoryError:  # never touched, so not in the core file
                    continue
                for at in range(0, len(memory), self.block_bytes):
                    if memory[at + self.state] in (UNSTARTED, STARTED):
                        found.append(Fiber(self, begin + at, memory[at:at + self.block_bytes]))
            region = word(region + self.next_region)
        return sorted(found, key=lambda f: f.id)


def processor():
    name = gdb.selected_inferior().architecture().name()
    if name not in PROCESSORS:
        raise gdb.GdbError('no backtraces of fibers on ' + name)
    return PROCESSORS[name]


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class FiberUnwinder(gdb.unwinder.Unwinder):
    """While it has a target: whose frame is the caller of the thread's innermost."""

    def __init__(self):
        super().__init__('weft fibers')
        self.target = None
        self.innermost = None

    def __call__(self, pending):
        if self.target is None:
            return None
        pc, sp, frame, base = processor()[:4]
        here = pending.read_register(pc), pending.read_register(sp)
        if tuple(int(v) for v in here) != self.innermost:
            return None
        target = self.target
        frame_id = FrameId(self.like(here[1], target.sp), self.like(here[0], target.pc))
        info = pending.create_unwind_info(frame_id)
        for register, value in ((pc, target.pc), (sp, target.sp), (frame, target.frame), (base, target.base)):
            info.add_saved_register(register, self.like(pending.read_register(register), value))
        return info

    @staticmethod
    def like(value, number):
        return gdb.Value(number).cast(gdb.lookup_type('unsigned long')).cast(value.type)

    def frames(self, registers):
        """Of a suspended fiber, innermost first."""
        gdb.newest_frame().select()
        pc, sp = processor()[:2]
        frame = gdb.newest_frame()
        self.innermost = int(frame.read_register(pc)), int(frame.read_register(sp))
        self.target = registers
        gdb.invalidate_cached_frames()
        try:
            frame = gdb.newest_frame().older()
            while frame is not None:
                yield frame
                frame = frame.older()
        finally:
            self.target = None
            gdb.invalidate_cached_frames()


unwinder = FiberUnwinder()


def print_frame(number, frame):
    line = '#%-3d 0x%016x in %s ()' % (number, frame.pc(), frame.name() or '??')
    where = frame.find_sal()
    if where.symtab is not None:
        line += ' at %s:%d' % (where.symtab.filename, where.line)
    print(line)


def thread_that_runs(fiber):
    """The one whose stack pointer lies in the fiber's stack."""
    for thread in gdb.selected_inferior().threads():
        thread.switch()
        sp = int(gdb.newest_frame().read_register(processor()[1]))
        if fiber.stack <= sp <= fiber.stack + USABLE[fiber.stack_class]:
            return thread
    return None


def backtrace(fiber):
    print('%s, %s' % (fiber.title(), fiber.doing()))
    if fiber.state == UNSTARTED:
        return
    thread = gdb.selected_thread()
    if thread is None:
        raise gdb.GdbError('no thread')
    if not fiber.running:
        for number, frame in enumerate(unwinder.frames(fiber.registers())):
            print_frame(number, frame)
        return
    try:
        if thread_that_runs(fiber) is None:
            print('  (its worker is just in the kernel, or on another stack)')
        else:
            gdb.execute('backtrace')
    finally:
        thread.switch()


class InfoFibers(gdb.Command):
    """All fibers of weft: id, state, worker, what they wait for, name, where they were spawned."""

    def __init__(self):
        super().__init__('info fibers', gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        fibers = Layout().fibers()
        for fiber in fibers:
            worker = fiber.worker()
            print('%s, %s%s, spawned at %s' % (fiber.title(), fiber.doing(),
                                               '' if worker is None else ', worker %d' % worker,
                                               fiber.spawned_at()))
        print('%d fibers' % len(fibers))


class FiberCommand(gdb.Command):
    """Looks at fibers of weft: fiber N bt; fiber apply all bt; fiber apply N M bt."""

    def __init__(self):
        super().__init__('fiber', gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        words = gdb.string_to_argv(argument)
        which = words[1:-1] if words[:1] == ['apply'] else words[:-1]
        if len(words) < 2 or words[-1] not in ('bt', 'backtrace') or not which or (
                words[0] != 'apply' and len(which) != 1):
            raise gdb.GdbError('usage: fiber N bt | fiber apply all bt | fiber apply N M bt')
        fibers = Layout().fibers()
        if which != ['all']:
            by_id = {str(f.id): f for f in fibers}
            for number in which:
                if number not in by_id:
                    raise gdb.GdbError('no fiber ' + number)
            fibers = [by_id[number] for number in which]
        for fiber in fibers:
            backtrace(fiber)
            if len(fibers) > 1:
                print()


gdb.unwinder.register_unwinder(None, unwinder, replace=True)
InfoFibers()
FiberCommand()
