"""The daemon for `twistd -ny records.tac`. Options stand in the list below, as words."""

from twisted.application.service import Application

from records.tap import Options, makeService

options = Options()
options.parseOptions([])
application = Application("records")
makeService(options).setServiceParent(application)
