"""Backups in a bucket of S3 or of what speaks like it. Who we are is found where AWS's tools find it, nowhere else."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any

from core.backup.destinations import MOST, S3, MissingError, too_large
from core.errors import StoreError, WrongUseError

PART = 8 << 20  # bytes of one part of a large object; S3 wants 5 MiB at least
ATTEMPTS = 4  # of one request; the pauses between them grow to some seconds
READS = 3  # of one object whose line breaks off while it is read; the client itself tries only until the first byte
CONNECT_S = 10.0
ABSENT = ("404", "NoSuchKey", "NotFound")
THERE = ("PreconditionFailed", "412")
UNABLE = ("NotImplemented", "501", "InvalidArgument")  # a server without conditional writes


class Bucket:
    """`s3://bucket/prefix`.

    Args:
        endpoint_url: another server than Amazon's.
        timeout_s: seconds without a byte after which a request counts as failed.
    """

    remote = True

    def __init__(self, where: str, endpoint_url: str | None = None, timeout_s: float = 60.0) -> None:
        self.where = where
        self.timeout_s = timeout_s
        self.bucket, _, prefix = where.removeprefix(S3).partition("/")
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.endpoint_url = endpoint_url
        if not self.bucket:
            raise WrongUseError("is not of the form s3://bucket/prefix", where=where)

    @cached_property
    def client(self) -> Any:
        import boto3  # 150 ms
        from botocore.config import Config

        config = Config(
            connect_timeout=min(CONNECT_S, self.timeout_s),
            read_timeout=self.timeout_s,
            retries={"mode": "standard", "max_attempts": ATTEMPTS},
            s3={"addressing_style": "path" if self.endpoint_url else "auto"},
        )
        with self._explained(""):
            return boto3.Session().client("s3", endpoint_url=self.endpoint_url, config=config)

    def put(self, name: str, data: bytes) -> None:
        with self._explained(name):
            if not self._write(name, data, IfNoneMatch="*") and self._size(name) != len(data):
                self._write(name, data)
            size = self._size(name)
        if size != len(data):
            raise StoreError(f"the server kept {size} of {len(data)} bytes", where=f"{self.where}: {name}")

    def _size(self, name: str) -> int:
        return self.client.head_object(Bucket=self.bucket, Key=self.prefix + name)["ContentLength"]

    def _write(self, name: str, data: bytes, **condition: str) -> bool:
        """Whether it was written; not where the name is taken and the condition says that this matters."""
        about = {"Bucket": self.bucket, "Key": self.prefix + name}
        if len(data) > 2 * PART:
            return self._write_parts(about, data, condition)
        checksum = _checksum(data)
        kept = self._once(self.client.put_object, condition, **about, Body=data, ChecksumSHA256=checksum)
        if kept is not None and kept.get("ChecksumSHA256", checksum) != checksum:
            self.client.delete_object(**about)  # else the next backup would believe it, by its name and length
            raise StoreError("the server kept other bytes than were sent", where=f"{self.where}: {name}")
        return kept is not None

    def _write_parts(self, about: dict[str, str], data: bytes, condition: dict[str, str]) -> bool:
        upload = self.client.create_multipart_upload(**about, ChecksumAlgorithm="SHA256")["UploadId"]
        try:
            parts: list[dict[str, Any]] = []
            for number, start in enumerate(range(0, len(data), PART), 1):
                body = data[start : start + PART]
                kept = self.client.upload_part(
                    **about, UploadId=upload, PartNumber=number, Body=body, ChecksumSHA256=_checksum(body)
                )
                if kept.get("ChecksumSHA256", _checksum(body)) != _checksum(body):
                    raise StoreError(
                        "the server kept other bytes than were sent", where=f"{self.where}: {about['Key']}"
                    )
                parts.append({"PartNumber": number, "ETag": kept["ETag"], "ChecksumSHA256": _checksum(body)})
            whole = {"UploadId": upload, "MultipartUpload": {"Parts": parts}}
            written = self._once(self.client.complete_multipart_upload, condition, **about, **whole) is not None
        except BaseException:  # ctrl+c too: parts that nobody joins are paid for
            self._abort(about, upload)
            raise
        if not written:
            self._abort(about, upload)
        return written

    def _abort(self, about: dict[str, str], upload: str) -> None:
        """Let go of the parts; where that fails too, the bucket's own rule for unfinished uploads removes them."""
        from botocore.exceptions import BotoCoreError, ClientError

        with suppress(BotoCoreError, ClientError):
            self.client.abort_multipart_upload(**about, UploadId=upload)

    def _once(self, call: Any, condition: dict[str, str], **about: Any) -> dict[str, Any] | None:
        """The answer; None where the name is taken and the condition says that this matters."""
        from botocore.exceptions import ClientError

        try:
            return call(**about, **condition)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if condition and code in THERE:
                return None
            if not condition or code not in UNABLE:
                raise
            return call(**about)  # the name is the content's hash: at worst the same bytes come again

    def get(self, name: str) -> bytes:
        with self._explained(name):
            for _ in range(READS - 1):
                with suppress(*_broken_off()):
                    return self._read(name)
            return self._read(name)

    def _read(self, name: str) -> bytes:
        found = self.client.get_object(Bucket=self.bucket, Key=self.prefix + name)
        if (size := found["ContentLength"]) > MOST:
            raise too_large(name, size)
        return found["Body"].read()

    def names(self, prefix: str) -> dict[str, int]:
        start = f"{self.prefix}{prefix}/"
        found: dict[str, int] = {}
        with self._explained(prefix):
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=start):
                for item in page.get("Contents", []):
                    found[item["Key"].removeprefix(start)] = item["Size"]
        return found

    def delete(self, name: str) -> None:
        with self._explained(name):
            self.client.delete_object(Bucket=self.bucket, Key=self.prefix + name)

    @contextmanager
    def _explained(self, name: str) -> Generator[None]:
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        where = f"{self.where}: {name}" if name else self.where
        try:
            yield
        except NoCredentialsError:
            do = "Give them as AWS's tools take them: AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            raise StoreError("there are no credentials for it", where=self.where, do=do) from None
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in ABSENT:
                raise MissingError("is not there", where=where) from None
            raise StoreError(f"the server refused it ({code})", where=where, do="Check bucket and rights.") from None
        except (BotoCoreError, ValueError) as error:
            # Its own words name the address, never a secret.
            raise StoreError(
                f"cannot be reached ({error})", where=where, do="Check the network and try again."
            ) from None


def _broken_off() -> tuple[type[Exception], ...]:
    """What reading a body raises when the line breaks or other bytes come: worth another try."""
    from botocore import exceptions

    return (exceptions.IncompleteReadError, exceptions.ReadTimeoutError, exceptions.ResponseStreamingError,
            exceptions.FlexibleChecksumError)  # fmt: skip


def _checksum(data: bytes) -> str:
    return b64encode(hashlib.sha256(data).digest()).decode()
