"""What `isoform … --help` knows, so that pages name no verb and no flag that is not there."""
import functools
import re
import shlex
import subprocess



def read_help(program, path=()):
    """What --help prints of each verb, {"task add": text}."""
    done = subprocess.run([str(program), *path, "--help"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True)
    texts = {" ".join(path): done.stdout}
    for verb in Program(texts).verbs(*path):
        texts |= read_help(program, (*path, verb))
    return texts


class Program:
    def __init__(self, texts):
        self.texts = texts

    def help(self, *verbs):
        """What a verb's --help prints; None where there is no such verb."""
        return self.texts.get(" ".join(verbs))

    @functools.lru_cache(maxsize=None)
    def verbs(self, *path):
        """The verbs below a verb."""
        text = self.help(*path) or ""
        part = re.search(r"^(?:Subcommands|Verbs)[^\n]*:\n((?:[ \n][^\n]*\n?)*)", text, re.M | re.I)
        return tuple(re.findall(r"^  ([a-z][a-z-]*)\b", part[1], re.M)) if part else ()

    @functools.lru_cache(maxsize=None)
    def flags(self, *path):
        listed = re.findall(r"^  (-[^\s=]+)", self.help(*path) or "", re.M)
        return frozenset(name for names in listed for name in names.split(","))

    @functools.lru_cache(maxsize=None)
    def all_flags(self, *path):
        return self.flags(*path).union(*(self.all_flags(*path, verb) for verb in self.verbs(*path)))

    def fault(self, command):
        """What is wrong with the verb or the flags of `isoform …`; "" if nothing."""
        try:
            words = shlex.split(command.replace("…", " "), comments=True)
        except ValueError as error:
            return f"no command of a shell ({error})"
        words = words[1:words.index(">")] if ">" in words else words[1:]
        path = ()
        while words and words[0].split("|")[0] in self.verbs(*path):
            path += (words.pop(0).split("|")[0],)
        if words and not path and not words[0].startswith("-") and not words[0].isupper():
            return f"isoform has no verb '{words[0]}'"
        known = self.flags(*path) | self.flags()
        for word in words:
            name = word.split("=")[0]
            if re.fullmatch(r"--[a-z][\w-]*|-[a-zA-Z]", name) and name not in known:
                return f"isoform {' '.join(path)} has no flag {name}"
        return ""
