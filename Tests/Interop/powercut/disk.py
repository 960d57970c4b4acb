"""What may be on a disk after a power cut: replays recorded file operations, and tells what must be there and what may be.

The law is the strict one. What is written is there for sure after the file's sync; until then any of it may be there, or
half of it, or none. A name is there (or gone) for sure after its directory's sync; until then the operations of a directory
took effect up to any point."""

import struct

HEAD = struct.Struct("<ciqII")


def operations(path):
    """The records of a recorder's log; one that was cut short ends it."""
    with open(path, "rb") as log:
        while len(head := log.read(HEAD.size)) == HEAD.size:
            kind, descriptor, number, first, second = HEAD.unpack(head)
            one, two = log.read(first), log.read(second)
            if len(one) < first or len(two) < second:
                return
            yield kind.decode(), descriptor, number, one, two


class File:
    def __init__(self):
        self.durable = bytearray()
        self.pending = []
        self.users = 0

    @staticmethod
    def apply(content, change):
        offset, octets = change
        if octets is None:
            if offset < len(content):
                del content[offset:]
            else:
                content.extend(bytes(offset - len(content)))
            return
        if offset > len(content):
            content.extend(bytes(offset - len(content)))
        content[offset:offset + len(octets)] = octets

    def sync(self):
        for change in self.pending:
            self.apply(self.durable, change)
        self.pending = []

    def content(self, how, dice):
        """Its octets after a cut; not to be changed."""
        if how == "dropped" or not self.pending:
            return self.durable
        content = bytearray(self.durable)
        for change in self.pending:
            if how == "half":
                if dice.random() < 0.4:
                    continue
                offset, octets = change
                if octets is not None and dice.random() < 0.3:
                    change = (offset, octets[:dice.randrange(len(octets) + 1)])
            self.apply(content, change)
        return content


class Directory:
    def __init__(self):
        self.durable = {}
        self.pending = []
        self.now = {}

    def change(self, name, node):
        self.pending.append((name, node))
        if node is None:
            self.now.pop(name, None)
        else:
            self.now[name] = node

    def sync(self):
        self.durable, self.pending = dict(self.now), []

    def entries(self, how, dice):
        if how == "dropped" or not self.pending:
            return self.durable
        if how == "all":
            return self.now
        entries = dict(self.durable)
        for name, node in self.pending[:dice.randrange(len(self.pending) + 1)]:
            if node is None:
                entries.pop(name, None)
            else:
                entries[name] = node
        return entries


class Disk:
    """A folder, empty at first, as a recorder saw it change."""

    def __init__(self, root):
        self.root = root
        self.top = Directory()
        self.open = {}

    def place(self, path):
        """The directory of a path, and its name there."""
        parts = [part for part in path.decode()[len(self.root):].split("/") if part]
        directory = self.top
        for part in parts[:-1]:
            directory = directory.now[part]
        return directory, parts[-1] if parts else ""

    def perform(self, kind, descriptor, number, one, two):
        if kind == "o":
            directory, name = self.place(one)
            node = directory if not name else directory.now.get(name)
            if node is None or (number & 1 and not isinstance(node, Directory)):
                node = File()
                directory.change(name, node)
            elif number & 2:
                node.pending.append((0, None))
            self.open[descriptor] = node
        elif kind == "c":
            self.open.pop(descriptor, None)
        elif kind == "w":
            self.open[descriptor].pending.append((number, one))
        elif kind == "t":
            self.open[descriptor].pending.append((number, None))
        elif kind == "s":
            self.open[descriptor].sync()
        elif kind == "m":
            directory, name = self.place(one)
            directory.change(name, Directory())
        elif kind == "u":
            directory, name = self.place(one)
            directory.change(name, None)
        elif kind == "l":
            directory, name = self.place(one)
            target, other = self.place(two)
            target.change(other, directory.now[name])
        elif kind == "r":
            directory, name = self.place(one)
            target, other = self.place(two)
            node = directory.now[name]
            target.change(other, node)
            directory.change(name, None)

    def after_cut(self, how, dice):
        """What is there: a tree of dictionaries and octets."""
        def tree(directory):
            return {name: tree(node) if isinstance(node, Directory) else node.content(how, dice)
                    for name, node in directory.entries(how, dice).items() if not name.endswith("-shm")}
        return tree(self.top)
