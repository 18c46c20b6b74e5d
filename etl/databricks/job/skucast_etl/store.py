"""The storage account as folders, one per container: a disk, or volumes of a catalog
(/Volumes/<catalog>/<schema>/<container>). Files are whole when they are seen."""

import contextlib
import hashlib
import os
import shutil
import tempfile


class Store:
    def __init__(self, root):
        self.root = os.path.abspath(root)  # Spark takes no relative path

    def path(self, place):
        return os.path.join(self.root, *place.split("/"))

    def read(self, place):
        with open(self.path(place), "rb") as f:
            return f.read()

    def create(self, place, data):
        """Puts a new file; FileExistsError if it is there already."""
        with self.whole(place, data) as part:
            try:
                os.link(part, self.path(place))
            except FileExistsError:
                raise
            except OSError:  # no links on volumes; the job has one run at a time under its token
                with open(self.path(place), "xb") as f:
                    f.write(data)

    def replace(self, place, data):
        """Puts a file, over another one if need be."""
        with self.whole(place, data) as part:
            os.replace(part, self.path(place))

    @contextlib.contextmanager
    def whole(self, place, data):
        """A finished file beside a place, under a name that nobody looks for."""
        folder = os.path.dirname(self.path(place))
        os.makedirs(folder, exist_ok=True)
        fd, part = tempfile.mkstemp(dir=self.temporary(), prefix="etl-put-")
        try:
            with open(fd, "wb") as f:
                f.write(data)
            yield part
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(part)

    def move(self, file, place):
        """Moves a finished file to a place, unless something is there: names carry content."""
        target = self.path(place)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.exists(target):
            os.replace(file, target)

    def take(self, file, place):
        """Moves a finished file to a place, over another one if need be."""
        target = self.path(place)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.replace(file, target)

    def temporary(self):
        """A folder of the account that is no container."""
        folder = os.path.join(self.root, ".tmp")
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError:  # a schema of volumes: only in one of them
            folder = os.path.join(self.root, "processed-data", ".tmp")
            os.makedirs(folder, exist_ok=True)
        return folder

    @contextlib.contextmanager
    def workspace(self):
        """A folder for one attempt, removed at its end."""
        folder = tempfile.mkdtemp(dir=self.temporary(), prefix="etl-")
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def described(file):
    """(bytes, sha256) of a file."""
    total, n = hashlib.sha256(), 0
    with open(file, "rb") as f:
        while block := f.read(1 << 20):
            total.update(block)
            n += len(block)
    return n, total.hexdigest()
