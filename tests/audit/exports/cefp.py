"""A parser of CEF that is not ours: cefp 0.0.2 of PyPI, by Atzm Watanabe, BSD-2 (github.com/atzm/cefp). Its class, unchanged.

It is kept here because there is no wheel of it, and the lock holds nothing else. BSD 2-Clause License, copyright (c) 2018,
Atzm Watanabe, all rights reserved:

Redistribution and use in source and binary forms, with or without modification, are permitted provided that the following
conditions are met: 1. Redistributions of source code must retain the above copyright notice, this list of conditions and the
following disclaimer. 2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions and
the following disclaimer in the documentation and/or other materials provided with the distribution.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT
NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL
THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES
(INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS
INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE
OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
"""

# ruff: noqa
import functools


class CEFParser(object):
    TOKEN_BACKSLASH = "\\"
    TOKEN_PIPE = "|"
    TOKEN_SPACE = " "
    TOKEN_EQUAL = "="
    TOKEN_ESCAPE = {
        "r": "\r",
        "n": "\n",
    }

    def _listify(func):
        @functools.wraps(func)
        def _(*args, **kwargs):
            return list(func(*args, **kwargs))

        return _

    def _dictify(func):
        @functools.wraps(func)
        def _(*args, **kwargs):
            return dict(zip(*[iter(func(*args, **kwargs))] * 2))

        return _

    @classmethod
    @_listify
    def split(cls, data, maxsplit=7):
        if not data.startswith("CEF:"):
            raise ValueError("invalid data")

        count = 0
        escape = False
        buf = []

        for idx, ch in enumerate(data):
            if count >= maxsplit:
                buf[:] = data[idx:]
                break

            if escape:
                # Multi-line only allowed in extension
                buf.append(ch)
                escape = False
                continue

            if ch == cls.TOKEN_BACKSLASH:
                escape = True
                continue

            if ch == cls.TOKEN_PIPE:
                yield "".join(buf)
                buf[:] = []
                count += 1
                continue

            buf.append(ch)

        yield "".join(buf)

    @classmethod
    @_dictify
    @_listify
    def splitext(cls, data):
        space = 0
        escape = False
        buf = []

        for ch in data:
            if escape:
                if ch in cls.TOKEN_ESCAPE:
                    ch = cls.TOKEN_ESCAPE[ch]

                buf.append(ch)
                escape = False
                continue

            if ch == cls.TOKEN_BACKSLASH:
                escape = True
                continue

            if ch == cls.TOKEN_SPACE:
                buf.append(ch)
                space = len(buf)
                continue

            if ch == cls.TOKEN_EQUAL:
                if space:
                    yield "".join(buf[: space - 1])
                    buf[:space] = []

                yield "".join(buf)
                buf[:] = []
                continue

            buf.append(ch)

        yield "".join(buf)

    @classmethod
    def parse(cls, data):
        fields = cls.split(data)

        if len(fields) != 8:
            raise ValueError("invalid data")

        return {
            "version": fields[0][4:],
            "device": {
                "vendor": fields[1],
                "product": fields[2],
                "version": fields[3],
                "event_class_id": fields[4],
            },
            "name": fields[5],
            "severity": fields[6],
            "extension": cls.splitext(fields[7].lstrip()),
        }


parse = CEFParser.parse
