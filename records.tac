"""The daemon for `twistd -ny records.tac`, with every option as `twistd -n records` has it."""

from twisted.application.service import Application

from records.tap import Options, makeService

options = Options()
options.parseOptions([])
application = Application("records")
makeService(options).setServiceParent(application)
